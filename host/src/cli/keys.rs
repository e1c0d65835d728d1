//! `toolhold keys` and `toolhold sign`: keys of people who publish components, and what they sign.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use secrecy::zeroize::Zeroizing;
use serde_json::json;
use toolhold_core::id::{ComponentName, Digest, ToolDigest};
use toolhold_core::origin::Origin;
use toolhold_core::signature::{Attached, SecretKey, Signature, message};

use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::failure;
use super::ui::Ui;
use crate::exit_code::ExitCode;
use crate::open::signatures_beside;
use crate::{OpenError, private_file, replace_file};

/// Make a key that signs components, or show the public half of one.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Make a key. Its file is for you alone; the public half, which is printed, goes into manifests.
    New {
        /// Where to write it. Nothing is written over.
        file: PathBuf,
    },
    /// Print the public half of a key.
    Show {
        /// The file of the secret key.
        file: PathBuf,
    },
}

/// Sign a component: writes `FILE.sig` beside it.
///
/// What is signed is its digest and its name, and nothing else can be made of the signature. With `--text` that is printed, for a program
/// that signs with an identity instead of a key.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold sign weather.wasm --key ~/.config/toolhold/release.key
  toolhold sign weather.wasm --text > weather.txt
  cosign sign-blob weather.txt --bundle weather.wasm.sigstore.json")]
pub(super) struct Sign {
    /// The component's file.
    component: PathBuf,
    /// The file of the secret key.
    #[arg(long, value_name = "FILE", required_unless_present = "text")]
    key: Option<PathBuf>,
    /// Print what is to be signed, and sign nothing.
    #[arg(long, conflicts_with = "key")]
    text: bool,
    /// The name that is signed [default: the file's, without `.wasm`].
    #[arg(long, value_name = "NAME")]
    name: Option<ComponentName>,
}

impl Keys {
    /// Runs the command.
    pub(super) fn run(&self, ui: Ui) -> CommandResult {
        let key = match self {
            Self::New { file } => new(file).code(ExitCode::BadInput)?,
            Self::Show { file } => secret_key(file)?,
        };
        let public = key.public();
        ui.result(&json!({ "key": public }), |_| format!("key = \"{public}\""))?;
        Ok(ExitCode::Success)
    }
}

fn new(path: &Path) -> anyhow::Result<SecretKey> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|error| anyhow::anyhow!("there is no randomness: {error}"))?;
    let key = SecretKey::from_seed(*seed);
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|error| anyhow::anyhow!("`{}` cannot be written: {error}", path.display()))?;
    file.write_all(Zeroizing::new(key.to_text()).as_bytes())?;
    file.sync_all()?;
    Ok(key)
}

/// The secret key in a file that nobody else can read.
pub(super) fn secret_key(path: &Path) -> Result<SecretKey, Failure> {
    let text = private_file::read(path).code(ExitCode::BadInput)?;
    let key = SecretKey::parse(&text).map_err(|error| anyhow::anyhow!("`{}`: {error}", path.display()));
    key.code(ExitCode::BadInput)
}

impl Sign {
    /// Runs the command.
    pub(super) fn run(&self, ui: Ui) -> CommandResult {
        let bytes = std::fs::read(&self.component)
            .map_err(|error| anyhow::anyhow!("`{}` cannot be read: {error}", self.component.display()))
            .code(ExitCode::BadInput)?;
        if !bytes.starts_with(b"\0asm") {
            let error = anyhow::anyhow!("`{}` is not WebAssembly", self.component.display());
            return Err(Failure::new(ExitCode::BadInput, error));
        }
        let digest = Digest::of(&bytes);
        let name = self.name.clone().or_else(|| Origin::File(self.component.display().to_string()).name());
        let missing = || anyhow::anyhow!("the file's name is not a name of a component: give one with `--name`");
        let name = name.ok_or_else(missing).code(ExitCode::Usage)?;
        let Some(key) = &self.key else {
            let text = message(&name, digest);
            // As it is, to the last line feed: what is signed is what is checked.
            ui.result(&json!({ "text": text, "name": name, "digest": digest }), |_| text.trim_end().to_owned())?;
            return Ok(ExitCode::Success);
        };
        let key = secret_key(key)?;
        let mut attached = Attached::new(digest);
        attached.signatures = of_others(&self.component, digest)?;
        attached.add(Signature::new(&key, &name, digest));
        let mut path = self.component.as_os_str().to_owned();
        path.push(".sig");
        let text = attached.render().code(ExitCode::Failure)?;
        replace_file::replace(Path::new(&path), text.as_bytes()).code(ExitCode::Failure)?;
        let told = json!({ "file": Path::new(&path), "name": name, "digest": digest, "key": key.public() });
        ui.result(&told, |_| format!("{digest} signed as `{name}` by {}", key.public()))?;
        Ok(ExitCode::Success)
    }
}

/// What others signed of these bytes. Signatures of a version that is gone are left out; what cannot be read is not written over.
fn of_others(component: &Path, digest: ToolDigest) -> Result<Vec<Signature>, Failure> {
    match signatures_beside(component, digest) {
        Err(OpenError::OtherBytes { .. }) => Ok(Vec::new()),
        other => other.map_err(failure),
    }
}
