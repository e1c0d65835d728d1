// Where a program in Nim begins. WASI's start calls a `main` of two parameters; Nim's has three and is called `nim_main` here.
#undef main

extern char **environ;
int nim_main(int argument_count, char **arguments, char **environment);

int main(int argument_count, char **arguments) { return nim_main(argument_count, arguments, environ); }
