// Package toolhold is what a tool in Go needs to speak to Toolhold: the canonical ABI of the world
// `toolhold:tool/described-tool`, written down. The world is fixed, so nothing needs to be generated.
//
// Every call runs in a fresh instance, so nothing that is handed over is ever freed or moved: it goes away with the call.
package toolhold

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"unsafe"
)

// Effect is what a call touches outside of its sandbox.
type Effect uint8

// The effects.
const (
	Read Effect = iota
	Write
	Network
)

// Need is what a tool declares to need. The sum of its needs is the most that anybody can grant it.
type Need struct {
	Effect Effect
	Target string // a glob over guest paths, or an origin
	Reason string // one line for the person who grants it
}

// Hints is what a tool says of its behaviour, for people and models. One that says neither ReadOnly nor Additive (it changes
// something, and neither deletes nor overwrites) counts as one that destroys.
type Hints struct{ ReadOnly, Destructive, Idempotent, OpenWorld, Additive bool }

// destroys is what is declared: without a word a tool counts as one that destroys.
func (h Hints) destroys() bool { return h.Destructive || !(h.ReadOnly || h.Additive) }

// Tool is one tool. Run gets the arguments, a JSON object that conforms to Input, and returns what encoding/json can write.
type Tool struct {
	Name, Title, Description string
	Input, Output            string // JSON Schemas; Output may be empty
	Hints                    Hints
	Needs                    []Need
	Run                      func(arguments []byte) (any, error)
}

var tools []Tool

// Register adds a tool. Call it from `init`.
func Register(tool Tool) { tools = append(tools, tool) }

// Error is why a tool did not do what it was asked. A model reads the message: name the value, say what to do instead.
type Error struct {
	kind          uint8
	code, message string
}

// Error is the message.
func (e *Error) Error() string { return e.message }

// InvalidArgs says that the arguments make no sense.
func InvalidArgs(format string, values ...any) error { return &Error{0, "", fmt.Sprintf(format, values...)} }

// Denied says that the host or a remote refused.
func Denied(format string, values ...any) error { return &Error{1, "", fmt.Sprintf(format, values...)} }

// NotFound says that what was named does not exist.
func NotFound(format string, values ...any) error { return &Error{2, "", fmt.Sprintf(format, values...)} }

// Failed says that it was tried and did not work.
func Failed(format string, values ...any) error { return &Error{3, "", fmt.Sprintf(format, values...)} }

// Other has a code of the tool's own.
func Other(code, message string) error { return &Error{5, code, message} }

// What an error of the standard library is in the world's words.
func worded(err error) *Error {
	var own *Error
	var path *fs.PathError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &path) && errors.Is(err, fs.ErrNotExist):
		return &Error{2, "", fmt.Sprintf("`%s`: does not exist", path.Path)}
	case errors.As(err, &path) && errors.Is(err, fs.ErrPermission):
		return &Error{1, "", fmt.Sprintf("`%s`: the host refused it", path.Path)}
	default:
		return &Error{3, "", err.Error()}
	}
}

// Log writes a line to the operator's log.
func Log(format string, values ...any) { contextLog(1, fmt.Sprintf(format, values...)) }

// Warn writes a line to look at to the operator's log.
func Warn(format string, values ...any) { contextLog(2, fmt.Sprintf(format, values...)) }

// Progress tells how far a long call is.
func Progress(done, total float64, message string) { contextProgress(done, 1, total, message) }

// Cancelled tells whether nobody waits any more.
func Cancelled() bool { return contextCancelled() != 0 }

//go:wasmimport toolhold:tool/context@0.1.0 log
func contextLog(level int32, message string)

//go:wasmimport toolhold:tool/context@0.1.0 progress
func contextProgress(done float64, hasTotal int32, total float64, message string)

//go:wasmimport toolhold:tool/context@0.1.0 cancelled
func contextCancelled() int32

// The layouts of the canonical ABI. Go's strings and slices are a pointer of this machine's width and more, so texts are
// written as the ABI has them: 32 bits of address, 32 bits of length.
type text struct{ pointer, length uint32 }

type toolInfo struct {
	name, title, description, input             text
	hasOutput                                   uint8
	_                                           [3]uint8
	output                                      text
	readOnly, destructive, idempotent, openWorld bool
	needs, needsCount                           uint32
	extra                                       text
}

type need struct {
	effect         uint8
	_              [3]uint8
	target, reason text
}

type answer struct {
	isError uint8
	_       [3]uint8
	first   [5]uint32
}

// What the host was given an address of, so that it is not collected.
var kept []any

func of(value string) text {
	if value == "" {
		return text{}
	}
	bytes := []byte(value)
	kept = append(kept, bytes)
	return text{uint32(uintptr(unsafe.Pointer(&bytes[0]))), uint32(len(bytes))}
}

func address[T any](values []T) uint32 {
	if len(values) == 0 {
		return 0
	}
	kept = append(kept, values)
	return uint32(uintptr(unsafe.Pointer(&values[0])))
}

//go:wasmexport toolhold:tool/described@0.1.0#describe
func describe() uint32 {
	infos := make([]toolInfo, len(tools))
	for i, tool := range tools {
		needs := make([]need, len(tool.Needs))
		for j, declared := range tool.Needs {
			needs[j] = need{effect: uint8(declared.Effect), target: of(declared.Target), reason: of(declared.Reason)}
		}
		info := toolInfo{
			name: of(tool.Name), title: of(tool.Title), description: of(tool.Description), input: of(tool.Input),
			readOnly: tool.Hints.ReadOnly, destructive: tool.Hints.destroys(),
			idempotent: tool.Hints.Idempotent, openWorld: tool.Hints.OpenWorld,
			needs: address(needs), needsCount: uint32(len(needs)), extra: of("{}"),
		}
		if tool.Output != "" {
			info.hasOutput, info.output = 1, of(tool.Output)
		}
		infos[i] = info
	}
	return address([]text{{address(infos), uint32(len(infos))}})
}

//go:wasmexport toolhold:tool/described@0.1.0#invoke
func invoke(namePointer unsafe.Pointer, nameLength uint32, argsPointer unsafe.Pointer, argsLength uint32) uint32 {
	name := unsafe.String((*byte)(namePointer), nameLength)
	result, err := run(name, unsafe.Slice((*byte)(argsPointer), argsLength))
	if err == nil {
		var encoded []byte
		if encoded, err = json.Marshal(result); err == nil {
			value := of(string(encoded))
			return address([]answer{{first: [5]uint32{value.pointer, value.length}}})
		}
	}
	worded := worded(err)
	out := answer{isError: 1}
	out.first[0] = uint32(worded.kind)
	message := of(worded.message)
	if worded.code != "" {
		code := of(worded.code)
		out.first[1], out.first[2], out.first[3], out.first[4] = code.pointer, code.length, message.pointer, message.length
	} else {
		out.first[1], out.first[2] = message.pointer, message.length
	}
	return address([]answer{out})
}

func run(name string, arguments []byte) (any, error) {
	for _, tool := range tools {
		if tool.Name == name {
			return tool.Run(arguments)
		}
	}
	return nil, InvalidArgs("there is no tool `%s`", name)
}

// The host asks for memory before the run time of Go is ready, when only the system's break can be moved.
var isReady bool

func init() { isReady = true }

//go:linkname sbrk runtime.sbrk
func sbrk(size uintptr) unsafe.Pointer

// The collector asks for the time, which is forbidden while memory is asked for: the adapter then answers with what it knows.
//
//go:wasmimport wasi_snapshot_preview1 adapter_monotonic_clock_set_paused
func pauseClock(paused int32)

//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(uintptr(align))
	}
	if !isReady {
		start := uintptr(sbrk(uintptr(size + align)))
		return unsafe.Pointer((start + uintptr(align) - 1) &^ (uintptr(align) - 1))
	}
	pauseClock(1)
	// In words of eight bytes, so that every alignment is right.
	memory := make([]uint64, (size+7)/8)
	kept = append(kept, memory)
	pauseClock(0)
	if old != nil {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&memory[0])), size), unsafe.Slice((*byte)(old), min(oldSize, size)))
	}
	return unsafe.Pointer(&memory[0])
}
