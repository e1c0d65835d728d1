// Package export_toolhold_tool_described is the tools `echo` and `exercise` in Go: what they say of themselves, and which
// one is called. The bindings import the package by this name.
package export_toolhold_tool_described

import (
	"encoding/json"
	"fmt"

	wit "go.bytecodealliance.org/pkg/wit/types"
	"wit_component/toolhold_tool_context"
	"wit_component/toolhold_tool_types"
)

type arguments struct{ Text, Directory, Fixed string }

// Describe says what the tools are.
func Describe() []toolhold_tool_types.ToolInfo {
	return []toolhold_tool_types.ToolInfo{{
		Name:        "echo",
		Title:       "Echo",
		Description: "Returns what it is given.",
		InputSchema: schema("text"),
		Hints:       toolhold_tool_types.Hints{ReadOnly: true, Idempotent: true},
		Extra:       "{}",
	}, {
		Name:        "exercise",
		Title:       "Exercise",
		Description: "Uses a directory in every way that the library offers.",
		InputSchema: schema("directory", "fixed"),
		Hints:       toolhold_tool_types.Hints{Destructive: true},
		Needs: []toolhold_tool_types.Need{
			{Effect: toolhold_tool_types.Effect_Read, Target: "/**", Reason: "reads back what it wrote"},
			{Effect: toolhold_tool_types.Effect_Write, Target: "/**", Reason: "makes files to exercise with"},
		},
		Extra: "{}",
	}}
}

// Invoke runs a tool.
func Invoke(name, args string) wit.Result[string, toolhold_tool_types.ToolError] {
	var given arguments
	if err := json.Unmarshal([]byte(args), &given); err != nil {
		return refused(err.Error())
	}
	switch name {
	case "echo":
		toolhold_tool_context.Log(toolhold_tool_types.Level_Info, "echo in Go")
		return done(given.Text)
	case "exercise":
		return done(exercise(given.Directory, given.Fixed))
	default:
		return refused(fmt.Sprintf("no tool `%s`", name))
	}
}

func schema(names ...string) string {
	properties := map[string]any{}
	for _, name := range names {
		properties[name] = map[string]string{"type": "string"}
	}
	return text(map[string]any{
		"type": "object", "properties": properties, "required": names, "additionalProperties": false,
	})
}

func done(result any) wit.Result[string, toolhold_tool_types.ToolError] {
	return wit.Ok[string, toolhold_tool_types.ToolError](text(result))
}

func refused(message string) wit.Result[string, toolhold_tool_types.ToolError] {
	return wit.Err[string](toolhold_tool_types.MakeToolErrorInvalidArgs(message))
}

// Nothing here holds a value that JSON has no word for.
func text(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}
