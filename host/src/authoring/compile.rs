//! From a tool's folder to its component: one compiler, started with the author's rights on the author's code.
//!
//! Compilers are those of the project (`.venv`, `node_modules`), in the versions that its lock files pin; a missing one is an error that
//! says how to install it there. Nothing that a model, a guest or a client can call leads here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::componentize::componentize;
use super::language::Language;
use super::tool_project::ToolProject;
use super::{nim, ruby, sdk};

/// The linker's default stack of 64 KiB overflows into data without a word; zig's own of 16 MiB is memory of every call.
pub(super) const STACK: &str = "-Wl,-z,stack-size=1048576";

/// What compilers of the C family are told alike.
const C_FAMILY: [&str; 6] = ["-target", "wasm32-wasi", "-Os", "-Wall", "-Wextra", "-Itarget/sdk"];

const PYTHON: &str = ".venv/bin/python";
pub(super) const CORE: &str = "target/core.wasm";
pub(super) const COMPONENT: &str = "target/component.wasm";

/// One start of a program: the file in the project that it is, its arguments, and variables of its environment.
pub(super) struct Step {
    program: &'static str,
    arguments: Vec<String>,
    variables: Vec<(&'static str, &'static str)>,
}

/// Compiles what is in `project`, which is not Rust, and returns the file of its component.
pub(crate) fn compile(project: &ToolProject) -> Result<PathBuf> {
    let folder = &project.folder;
    sdk::write(&folder.join("target/sdk"))?;
    match project.language {
        Language::Nim => return nim::compile(project),
        Language::Ruby => return ruby::compile(project),
        _ => {}
    }
    for step in steps(project)? {
        step.run(project)?;
    }
    let component = folder.join(COMPONENT);
    if is_module(project.language) {
        let module = std::fs::read(folder.join(CORE)).context("the compiler made no module")?;
        std::fs::write(&component, componentize(&module)?)
            .with_context(|| format!("`{}` cannot be written", component.display()))?;
    }
    Ok(component)
}

/// Whether its compiler makes a module, of which this program makes a component.
fn is_module(language: Language) -> bool {
    !matches!(language, Language::Python | Language::JavaScript | Language::TypeScript)
}

/// What is started, one after the other.
fn steps(project: &ToolProject) -> Result<Vec<Step>> {
    Ok(match project.language {
        Language::Rust => bail!("cargo builds Rust"),
        Language::C => vec![c(project)?],
        Language::Cpp => cpp(project)?,
        Language::Zig => vec![zig()],
        Language::Go => vec![go()],
        Language::Python => vec![python()],
        Language::JavaScript => java_script("target/sdk/javascript_app.js"),
        Language::TypeScript => java_script("target/sdk/typescript_app.js"),
        Language::AssemblyScript => vec![assembly_script()],
        Language::Nim | Language::Ruby => Vec::new(),
    })
}

fn c(project: &ToolProject) -> Result<Step> {
    let linked = ["-mexec-model=reactor", "-std=gnu17", "-s", STACK, "-o", CORE, "target/sdk/toolhold.c"];
    Ok(Step::zig(&["cc"]).with(&C_FAMILY).with(&linked).with(&sources(&project.folder, "c")?))
}

fn cpp(project: &ToolProject) -> Result<Vec<Step>> {
    let object = ["-std=gnu17", "-c", "-o", "target/toolhold.o", "target/sdk/toolhold.c"];
    // Exceptions need instructions about which WASI's compilers do not agree yet.
    let linked =
        ["-mexec-model=reactor", "-std=c++20", "-fno-exceptions", "-s", STACK, "-o", CORE, "target/toolhold.o"];
    Ok(vec![
        Step::zig(&["cc"]).with(&C_FAMILY).with(&object),
        Step::zig(&["c++"]).with(&C_FAMILY).with(&linked).with(&sources(&project.folder, "cpp")?),
    ])
}

fn zig() -> Step {
    let target = ["build-exe", "-target", "wasm32-wasi", "-O", "ReleaseSmall", "-mexec-model=reactor", "-fstrip"];
    let output = ["-fno-entry", "-rdynamic", "--stack", "1048576", "-lc", "-femit-bin=target/core.wasm"];
    let modules = [
        "--dep",
        "tool",
        "--dep",
        "toolhold",
        "-Mroot=target/sdk/toolhold_app.zig",
        "--dep",
        "toolhold",
        "-Mtool=src/tool.zig",
    ];
    Step::zig(&target).with(&output).with(&modules).with(&["-Mtoolhold=target/sdk/toolhold.zig"])
}

fn go() -> Step {
    let arguments = ["build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w -checklinkname=0", "-o", CORE, "."];
    let variables = [("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOTOOLCHAIN", "local"), ("GOFLAGS", "-mod=mod")];
    Step { program: ".venv/bin/go", arguments: owned(&arguments), variables: variables.to_vec() }
}

fn python() -> Step {
    let arguments = ["--quiet", "-d", "target/sdk/wit", "-w", "described-tool", "componentize"];
    let application = ["-p", "src", "-p", "target/sdk", "toolhold_app", "-o", COMPONENT];
    Step::new(".venv/bin/componentize-py", &arguments).with(&application)
}

fn java_script(application: &str) -> Vec<Step> {
    let bundle = [
        "--bundle",
        "--format=esm",
        "--target=es2023",
        "--log-level=warning",
        "--alias:toolhold=./target/sdk/toolhold.js",
    ];
    let output = ["--external:toolhold:*", "--external:wasi:*", "--outfile=target/bundle.js", application];
    let world = ["-w", "target/sdk/wit", "-n", "tool-with-files", "-j", "target/bundle.js"];
    vec![
        Step::new("node_modules/.bin/esbuild", &bundle).with(&output),
        Step::new("node_modules/.bin/componentize-qjs", &world).with(&["--sync", "--opt-size", "-m", "-o", COMPONENT]),
    ]
}

fn assembly_script() -> Step {
    let application = ["target/sdk/toolhold_app.ts", "--path", "target/sdk", "--runtime", "stub", "-Oz"];
    Step::new("node_modules/.bin/asc", &application).with(&["--use", "abort=", "-o", CORE])
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The files in `src` that end with `.extension`, in the order of their names.
fn sources(folder: &Path, extension: &str) -> Result<Vec<String>> {
    files_in(folder, "src", extension)
}

/// The files below `place` in `folder` that end with `.extension`, in the order of their names.
pub(super) fn files_in(folder: &Path, place: &str, extension: &str) -> Result<Vec<String>> {
    let is_source = |path: &Path| path.extension().is_some_and(|found| found == extension);
    let files = walkdir::WalkDir::new(folder.join(place)).sort_by_file_name();
    let mut sources = Vec::new();
    for entry in files {
        let entry = entry.with_context(|| format!("`{place}` cannot be read"))?;
        if is_source(entry.path()) {
            sources.push(entry.path().strip_prefix(folder)?.to_string_lossy().into_owned());
        }
    }
    if sources.is_empty() {
        bail!("there is no file in `{place}` that ends with `.{extension}`");
    }
    Ok(sources)
}

impl Step {
    pub(super) fn new(program: &'static str, arguments: &[&str]) -> Self {
        Self { program, arguments: owned(arguments), variables: Vec::new() }
    }

    pub(super) fn zig(arguments: &[&str]) -> Self {
        Self::new(PYTHON, &["-m", "ziglang"]).with(arguments)
    }

    pub(super) fn with_variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    pub(super) fn with(mut self, more: &[impl AsRef<str>]) -> Self {
        self.arguments.extend(more.iter().map(|word| word.as_ref().to_owned()));
        self
    }

    pub(super) fn run(&self, project: &ToolProject) -> Result<()> {
        let program = project.folder.join(self.program);
        let registry = project.language.registry();
        if !program.exists() {
            bail!(
                "the compiler `{}` is not in `{}`; install it there with: {}",
                self.program,
                project.folder.display(),
                registry.install()
            );
        }
        // A relative path would be looked up from the folder in which the program starts.
        let program = std::path::absolute(&program)?;
        #[expect(clippy::disallowed_methods, reason = "the build command of tool authors runs their compiler")]
        let mut command = Command::new(&program);
        command.current_dir(&project.folder).args(&self.arguments).envs(self.variables.iter().copied());
        // What it prints is talk; standard output is for results.
        command.stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr()));
        let status = command.status().with_context(|| {
            format!("`{}` cannot be started; install it anew with: {}", self.program, registry.install())
        })?;
        if !status.success() {
            bail!("`{}` could not build the tool ({status})", self.program);
        }
        Ok(())
    }
}
