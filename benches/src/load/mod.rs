//! Who keeps calls in flight: in this process, over standard streams, over HTTP, in processes of others.

mod http;
mod http_frame;
mod in_process;
mod process_per_call;
mod request;
mod script;
mod serve;
mod stdio;

pub(crate) use self::http::{HttpClient, Revision};
pub(crate) use self::http_frame::{Answer, read as read_answer};
pub(crate) use self::in_process::InProcess;
pub(crate) use self::process_per_call::ProcessPerCall;
pub(crate) use self::request::{Request, STATELESS, WITH_SESSIONS, answered, initialize, initialized, meta};
pub(crate) use self::script::Script;
pub(crate) use self::serve::ServeProcess;
pub(crate) use self::stdio::StdioClient;
