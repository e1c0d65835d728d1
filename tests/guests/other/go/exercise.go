package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const large = 1 << 20

type report map[string]any

// exercise uses a directory in every way that Go's library offers, and reports what it saw. `directory` is empty and may
// be written, `fixed` holds `kept.txt` and may be read only.
func exercise(directory, fixed string) report {
	seen := report{}
	seen.contents(directory)
	os.Chdir(directory)
	for _, step := range []func(){seen.facts, seen.moves, seen.large, seen.trees, seen.errors, seen.removals} {
		step()
	}
	seen.fixedDirectory(fixed)
	seen.escapes(directory)
	return seen
}

func word(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, syscall.EISDIR):
		return "a directory"
	case errors.Is(err, syscall.ENOTDIR):
		return "not a directory"
	case errors.Is(err, syscall.ENOTEMPTY):
		return "not empty"
	case errors.Is(err, fs.ErrNotExist):
		return "missing"
	case errors.Is(err, fs.ErrExist):
		return "exists"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "denied"
	default:
		return err.Error()
	}
}

func content(path string) string {
	read, err := os.ReadFile(path)
	if err != nil {
		return word(err)
	}
	return string(read)
}

func put(path, content string) error { return os.WriteFile(path, []byte(content), 0o666) }

func openAs(path string, flags int) error {
	file, err := os.OpenFile(path, flags, 0o666)
	if err != nil {
		return err
	}
	return file.Close()
}

// Writing, reading back, appending, seeking, shortening.
func (seen report) contents(directory string) {
	path := filepath.Join(directory, "a.txt")
	put(path, "hello world\n")
	seen["created"] = content(path)
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		seen["appended"] = word(err)
		return
	}
	file.WriteString("more\n")
	file.Close()
	seen["appended"] = content(path)
	seen.inTheMiddle(path)
	seen["cut"] = content(path)
}

func (seen report) inTheMiddle(path string) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		seen["tail"] = word(err)
		return
	}
	defer file.Close()
	file.Seek(6, io.SeekStart)
	tail := make([]byte, 5)
	io.ReadFull(file, tail)
	seen["tail"] = string(tail)
	file.WriteAt([]byte("LL"), 2)
	seen["end"], _ = file.Seek(0, io.SeekEnd)
	file.Sync()
	seen["patched"] = content(path)
	file.Truncate(5)
}

// What is told of files, and what can be set of it. From here on paths are relative to the directory.
func (seen report) facts() {
	seen["kind"] = kind("a.txt")
	seen["size"] = size("a.txt")
	seen["directory"] = kind(".")
	os.Truncate("a.txt", large)
	seen["grown"] = size("a.txt")
	os.Truncate("a.txt", 5)
	os.Chtimes("a.txt", time.Unix(1_000_000_001, 0), time.Unix(1_000_000_000, 250_000_000))
	if info, err := os.Stat("a.txt"); err == nil {
		seen["modified"] = info.ModTime().UnixMilli()
	}
}

func kind(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return word(err)
	case info.IsDir():
		return "directory"
	case info.Mode().IsRegular():
		return "file"
	default:
		return "other"
	}
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}

func (seen report) moves() {
	copyFile("a.txt", "b.txt")
	seen["copied"] = content("b.txt")
	os.Rename("b.txt", "c.txt")
	seen["moved"] = content("c.txt")
	seen["moved away"] = content("b.txt")
	put("d.txt", "other")
	os.Rename("d.txt", "c.txt")
	seen["replaced"] = content("c.txt")
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// More than any buffer holds: as many bytes come back as were written, each the one that was.
func (seen report) large() {
	written := make([]byte, large)
	for i := range written {
		written[i] = byte(i % 251)
	}
	os.WriteFile("large", written, 0o666)
	read, _ := os.ReadFile("large")
	seen["large"] = "other bytes"
	if bytes.Equal(read, written) {
		seen["large"] = len(read)
	}
	os.Remove("large")
}

func tree() []string {
	paths := []string{}
	filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			paths = append(paths, word(err))
		case path == ".":
		case entry.IsDir():
			paths = append(paths, path+"/")
		default:
			paths = append(paths, path)
		}
		return nil
	})
	return paths
}

func (seen report) trees() {
	seen["mkdir"] = word(os.MkdirAll("deep/er/est", 0o777))
	put("deep/er/f.txt", "f")
	put("deep/er/est/é.txt", "e")
	seen["tree"] = tree()
	seen["moved directory"] = word(os.Rename("deep", "place"))
	seen["moved within"] = content("place/er/f.txt")
	seen["tree after"] = tree()
}

func (seen report) errors() {
	seen["open missing"] = word(openAs("missing", os.O_RDONLY))
	seen["remove missing"] = word(os.Remove("missing"))
	seen["create anew"] = word(openAs("a.txt", os.O_WRONLY|os.O_CREATE|os.O_EXCL))
	seen["make anew"] = word(os.Mkdir("place", 0o777))
	seen["remove full"] = word(syscall.Rmdir("place"))
	seen["write directory"] = word(openAs("place", os.O_WRONLY))
	seen["open below file"] = word(openAs("a.txt/x", os.O_RDONLY))
	seen["link"] = word(os.Symlink("a.txt", "link"))
}

func (seen report) removals() {
	seen["remove"] = word(os.Remove("a.txt"))
	entries, err := os.ReadDir(".")
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(entry.Name()))
	}
	seen["left"] = tree()
	if err != nil {
		seen["left"] = word(err)
	}
}

func (seen report) fixedDirectory(fixed string) {
	kept, fresh := filepath.Join(fixed, "kept.txt"), filepath.Join(fixed, "new.txt")
	now := time.Now()
	seen["fixed"] = content(kept)
	seen["fixed write"] = word(openAs(kept, os.O_WRONLY))
	seen["fixed truncate"] = word(os.Truncate(kept, 0))
	seen["fixed create"] = word(put(fresh, "new"))
	seen["fixed mkdir"] = word(os.Mkdir(fresh, 0o777))
	seen["fixed rename"] = word(os.Rename(kept, fresh))
	seen["fixed remove"] = word(os.Remove(kept))
	seen["fixed utime"] = word(os.Chtimes(kept, now, now))
}

// Which error an escape is, each library says in its own way; that it is one is what counts.
func (seen report) escapes(directory string) {
	os.Chdir(directory)
	os.Mkdir("sub", 0o777)
	for _, name := range []string{"../secret.txt", "sub/../../secret.txt", "../../../../etc/passwd"} {
		seen[name] = opened(name, directory+"/"+name)
	}
	seen["/etc/passwd"] = opened("/etc/passwd")
	os.Remove("sub")
}

func opened(paths ...string) string {
	for _, path := range paths {
		if openAs(path, os.O_RDONLY) == nil {
			return "opened"
		}
	}
	return "refused"
}
