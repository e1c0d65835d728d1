// The tools `echo` and `exercise` in Go.
package main

import (
	"encoding/json"

	toolhold "github.com/toolhold/toolhold/go"
)

type arguments struct{ Text, Directory, Fixed string }

func init() {
	toolhold.Register(toolhold.Tool{
		Name:        "echo",
		Title:       "Echo",
		Description: "Returns what it is given.",
		Input:       schema("text"),
		Hints:       toolhold.Hints{ReadOnly: true, Idempotent: true},
		Run: with(func(given arguments) any {
			toolhold.Log("echo in Go")
			return given.Text
		}),
	})
	toolhold.Register(toolhold.Tool{
		Name:        "exercise",
		Title:       "Exercise",
		Description: "Uses a directory in every way that the library offers.",
		Input:       schema("directory", "fixed"),
		Hints:       toolhold.Hints{Destructive: true},
		Needs: []toolhold.Need{
			{Effect: toolhold.Read, Target: "/**", Reason: "reads back what it wrote"},
			{Effect: toolhold.Write, Target: "/**", Reason: "makes files to exercise with"},
		},
		Run: with(func(given arguments) any { return exercise(given.Directory, given.Fixed) }),
	})
}

func with(run func(arguments) any) func([]byte) (any, error) {
	return func(text []byte) (any, error) {
		var given arguments
		if err := json.Unmarshal(text, &given); err != nil {
			return nil, toolhold.InvalidArgs("%v", err)
		}
		return run(given), nil
	}
}

func schema(names ...string) string {
	properties := map[string]any{}
	for _, name := range names {
		properties[name] = map[string]string{"type": "string"}
	}
	// Nothing here is a value that JSON has no word for.
	text, _ := json.Marshal(map[string]any{
		"type": "object", "properties": properties, "required": names, "additionalProperties": false,
	})
	return string(text)
}

func main() {}
