#include "exercise.h"
#include "json.h"
#include "report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A path, a directory's entries, and more bytes than any buffer holds.
enum { BLOCK = 4096, MOST = 64, LARGE = 1 << 20 };

static const char *path_in(char *path, size_t size, const char *directory, const char *name) {
  snprintf(path, size, "%s/%s", directory, name);
  return path;
}

static const char *kind(mode_t mode) { return S_ISDIR(mode) ? "directory" : S_ISREG(mode) ? "file" : "other"; }

static int put(const char *path, const char *mode, const char *content) {
  FILE *file = fopen(path, mode);
  if (!file) return -1;
  fputs(content, file);
  return fclose(file);
}

static int copy(const char *from, const char *to) {
  FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
  int result = in && out ? 0 : -1;
  char block[BLOCK];
  for (size_t length; result == 0 && (length = fread(block, 1, sizeof block, in)) > 0;)
    if (fwrite(block, 1, length, out) != length) result = -1;
  if (in) fclose(in);
  if (out && fclose(out) != 0) result = -1;
  return result;
}

// Writing, reading back, appending, seeking, shortening.
static void contents(object *into, const char *directory) {
  char path[BLOCK];
  put(path_in(path, sizeof path, directory, "a.txt"), "w", "hello world\n");
  member_content(into, "created", path);
  put(path, "a", "more\n");
  member_content(into, "appended", path);

  FILE *file = fopen(path, "r+");
  char tail[6] = "";
  fseek(file, 6, SEEK_SET);
  fread(tail, 1, 5, file);
  member_text(into, "tail", tail);
  fseek(file, 2, SEEK_SET);
  fputs("LL", file);
  fseek(file, 0, SEEK_END);
  member_number(into, "end", ftell(file));
  fflush(file);
  fsync(fileno(file));
  member_content(into, "patched", path);
  ftruncate(fileno(file), 5);
  fclose(file);
  member_content(into, "cut", path);
}

// What is told of files, and what can be set of it. From here on paths are relative to the directory.
static void facts(object *into) {
  struct stat stat_of = {0};
  stat("a.txt", &stat_of);
  member_text(into, "kind", kind(stat_of.st_mode));
  member_number(into, "size", stat_of.st_size);
  stat(".", &stat_of);
  member_text(into, "directory", kind(stat_of.st_mode));
  truncate("a.txt", LARGE);
  stat("a.txt", &stat_of);
  member_number(into, "grown", stat_of.st_size);
  truncate("a.txt", 5);
  struct timespec times[2] = {{.tv_sec = 1000000001}, {.tv_sec = 1000000000, .tv_nsec = 250000000}};
  utimensat(AT_FDCWD, "a.txt", times, 0);
  stat("a.txt", &stat_of);
  member_number(into, "modified", stat_of.st_mtim.tv_sec * 1000LL + stat_of.st_mtim.tv_nsec / 1000000);
}

static void moves(object *into) {
  copy("a.txt", "b.txt");
  member_content(into, "copied", "b.txt");
  rename("b.txt", "c.txt");
  member_content(into, "moved", "c.txt");
  member_content(into, "moved away", "b.txt");
  put("d.txt", "w", "other");
  rename("d.txt", "c.txt");
  member_content(into, "replaced", "c.txt");
}

// More than any buffer holds: as many bytes come back as were written, each the one that was.
static void large(object *into) {
  FILE *file = fopen("large", "wb");
  for (int i = 0; i < LARGE; i++) fputc(i % 251, file);
  fclose(file);
  file = fopen("large", "rb");
  long same = 0;
  for (int c, i = 0; (c = fgetc(file)) != EOF; i++) same += c == i % 251;
  fclose(file);
  member_number(into, "large", same);
  remove("large");
}

static int by_name(const void *left, const void *right) {
  return strcmp(*(const char *const *)left, *(const char *const *)right);
}

// The names in `directory`, ordered. Not by `scandir`: that of wasi-libc asks about `..` too, which the root has not.
static size_t names_in(const char *directory, char *names[MOST]) {
  DIR *entries = opendir(directory);
  size_t count = 0;
  if (!entries) return count;
  for (struct dirent *entry; count < MOST && (entry = readdir(entries));)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) names[count++] = strdup(entry->d_name);
  closedir(entries);
  qsort(names, count, sizeof *names, by_name);
  return count;
}

// Calls `each` for everything below `directory`, in the order of the names, a directory before or after what it holds.
static void walk(const char *directory, bool after, void (*each)(void *, const char *, bool), void *with) {
  char *names[MOST];
  size_t count = names_in(directory, names);
  for (size_t i = 0; i < count; i++) {
    char path[BLOCK];
    struct stat stat_of = {0};
    lstat(path_in(path, sizeof path, directory, names[i]), &stat_of);
    bool is_directory = S_ISDIR(stat_of.st_mode);
    if (!after) each(with, path, is_directory);
    if (is_directory) walk(path, after, each, with);
    if (after) each(with, path, is_directory);
    free(names[i]);
  }
}

typedef struct {
  FILE *out;
  bool begun;
} list;

static void note(void *with, const char *path, bool is_directory) {
  list *into = with;
  char item[BLOCK];
  // Without the `./` that every path begins with.
  int length = snprintf(item, sizeof item, "%s%s", path + 2, is_directory ? "/" : "");
  if (into->begun) fputc(',', into->out);
  into->begun = true;
  json_text(into->out, item, (size_t)length);
}

static void member_tree(object *into, const char *name) {
  member(into, name);
  list items = {into->out, false};
  fputc('[', into->out);
  walk(".", false, note, &items);
  fputc(']', into->out);
}

static void delete(void *with, const char *path, bool is_directory) {
  (void)with;
  if (is_directory) rmdir(path);
  else unlink(path);
}

static int make_directories(const char *path) {
  char part[BLOCK];
  snprintf(part, sizeof part, "%s", path);
  for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdir(part, 0777) != 0 && errno != EEXIST) return -1;
    *slash = '/';
  }
  return mkdir(part, 0777);
}

static void trees(object *into) {
  member_outcome(into, "mkdir", make_directories("deep/er/est"));
  put("deep/er/f.txt", "w", "f");
  put("deep/er/est/\xc3\xa9.txt", "w", "e");
  member_tree(into, "tree");
  member_outcome(into, "moved directory", rename("deep", "place"));
  member_content(into, "moved within", "place/er/f.txt");
  member_tree(into, "tree after");
}

static int open_as(const char *path, int flags) {
  int file = open(path, flags, 0666);
  return file < 0 ? -1 : close(file);
}

static void errors(object *into) {
  member_outcome(into, "open missing", open_as("missing", O_RDONLY));
  member_outcome(into, "remove missing", unlink("missing"));
  member_outcome(into, "create anew", open_as("a.txt", O_WRONLY | O_CREAT | O_EXCL));
  member_outcome(into, "make anew", mkdir("place", 0777));
  member_outcome(into, "remove full", rmdir("place"));
  member_outcome(into, "write directory", open_as("place", O_WRONLY));
  member_outcome(into, "open below file", open_as("a.txt/x", O_RDONLY));
  member_outcome(into, "link", symlink("a.txt", "link"));
}

static void removals(object *into) {
  member_outcome(into, "remove", unlink("a.txt"));
  walk(".", true, delete, NULL);
  member_tree(into, "left");
}

static void fixed_directory(object *into, const char *fixed) {
  char path[BLOCK];
  chdir(fixed);
  member_content(into, "fixed", path_in(path, sizeof path, fixed, "kept.txt"));
  member_outcome(into, "fixed write", open_as("kept.txt", O_WRONLY));
  member_outcome(into, "fixed truncate", truncate("kept.txt", 0));
  member_outcome(into, "fixed create", put("new.txt", "w", "new"));
  member_outcome(into, "fixed mkdir", mkdir("new", 0777));
  member_outcome(into, "fixed rename", rename("kept.txt", "new.txt"));
  member_outcome(into, "fixed remove", unlink("kept.txt"));
  member_outcome(into, "fixed utime", utimensat(AT_FDCWD, "kept.txt", NULL, 0));
}

// Which error an escape is, each library says in its own way; that it is one is what counts.
static void escapes(object *into, const char *directory) {
  static const char *const names[] = {"../secret.txt", "sub/../../secret.txt", "../../../../etc/passwd"};
  chdir(directory);
  mkdir("sub", 0777);
  char path[BLOCK];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    bool relative = open_as(names[i], O_RDONLY) == 0;
    bool absolute = open_as(path_in(path, sizeof path, directory, names[i]), O_RDONLY) == 0;
    member_text(into, names[i], relative || absolute ? "opened" : "refused");
  }
  member_text(into, "/etc/passwd", open_as("/etc/passwd", O_RDONLY) == 0 ? "opened" : "refused");
  rmdir("sub");
}

void exercise(FILE *out, const char *directory, const char *fixed) {
  object report = object_begin(out);
  contents(&report, directory);
  chdir(directory);
  facts(&report);
  moves(&report);
  large(&report);
  trees(&report);
  errors(&report);
  removals(&report);
  fixed_directory(&report, fixed);
  escapes(&report, directory);
  object_end(&report);
}
