// The tools of `{{name}}`.
package main

import (
	"encoding/json"
	"os"
	"strings"

	toolhold "github.com/toolhold/toolhold/go"
)

func init() {
	toolhold.Register(toolhold.Tool{
		Name:  "word_count",
		Title: "Word count",
		// What the model reads: say what the tool does and when to use it.
		Description: "Counts the lines and words of a text file.",
		Input: `{"type":"object","properties":{
			"path":{"type":"string","description":"Absolute path of a UTF-8 text file."},
			"empty_lines":{"type":"boolean","description":"Count empty lines too; true if left out."}},
			"required":["path"],"additionalProperties":false}`,
		Output: `{"type":"object","properties":{
			"lines":{"type":"integer","minimum":0},"words":{"type":"integer","minimum":0}},
			"required":["lines","words"]}`,
		Hints: toolhold.Hints{ReadOnly: true, Idempotent: true},
		Needs: []toolhold.Need{{Effect: toolhold.Read, Target: "/**", Reason: "reads the file it is asked to count"}},
		Run:   wordCount,
	})
}

func wordCount(arguments []byte) (any, error) {
	given := struct {
		Path       string `json:"path"`
		EmptyLines *bool  `json:"empty_lines"`
	}{}
	if err := json.Unmarshal(arguments, &given); err != nil {
		return nil, toolhold.InvalidArgs("%v", err)
	}
	text, err := os.ReadFile(given.Path)
	if err != nil {
		return nil, err
	}
	toolhold.Log("counting %d bytes", len(text))

	lines := 0
	for line := range strings.Lines(string(text)) {
		if given.EmptyLines == nil || *given.EmptyLines || strings.TrimSpace(line) != "" {
			lines++
		}
	}
	return map[string]int{"lines": lines, "words": len(strings.Fields(string(text)))}, nil
}

// Tools are called one by one; nothing runs by itself.
func main() {}
