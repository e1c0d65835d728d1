//! `wasi:sockets`: linked, and nothing in it works. No socket is ever made and no name looked up.
//!
//! Creating one is refused here: nothing of wasmtime-wasi's that could is linked, and its synchronous form would start a
//! runtime first. Name lookup is refused by its default context, before any system call.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets as fiber;
use wasmtime_wasi::p2::bindings::sync::sockets as calling_thread;
use wasmtime_wasi::p2::{TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsCtxView};

use crate::call::{CallState, LaneLinker};

/// The version that wasmtime-wasi 48 links; guests that were built for another 0.2 match it.
const TCP_CREATE_SOCKET: &str = "wasi:sockets/tcp-create-socket@0.2.12";

/// See [`TCP_CREATE_SOCKET`].
const UDP_CREATE_SOCKET: &str = "wasi:sockets/udp-create-socket@0.2.12";

impl CallState {
    fn sockets(&mut self) -> WasiSocketsCtxView<'_> {
        // Everything that is linked with this view is of handles: past the limit of calls there are none.
        let _told_by_the_table = self.count().is_err();
        WasiSocketsCtxView { ctx: &mut self.sockets, table: &mut self.table }
    }
}

/// Adds all of `wasi:sockets`.
pub(crate) fn add_to_linker(linker: &mut Linker<CallState>, lane: LaneLinker) -> wasmtime::Result<()> {
    let options = fiber::network::LinkOptions::default();
    fiber::instance_network::add_to_linker::<_, WasiSockets>(linker, CallState::sockets)?;
    fiber::network::add_to_linker::<_, WasiSockets>(linker, &options, CallState::sockets)?;
    fiber::ip_name_lookup::add_to_linker::<_, WasiSockets>(linker, CallState::sockets)?;
    linker
        .instance(TCP_CREATE_SOCKET)?
        .func_wrap("create-tcp-socket", |mut store, (family,)| refuse::<TcpSocket>(store.data_mut(), family))?;
    linker
        .instance(UDP_CREATE_SOCKET)?
        .func_wrap("create-udp-socket", |mut store, (family,)| refuse::<UdpSocket>(store.data_mut(), family))?;
    match lane {
        LaneLinker::CallingThread => {
            calling_thread::tcp::add_to_linker::<_, WasiSockets>(linker, CallState::sockets)?;
            calling_thread::udp::add_to_linker::<_, WasiSockets>(linker, CallState::sockets)
        }
        LaneLinker::Fiber => {
            fiber::tcp::add_to_linker::<_, WasiSockets>(linker, CallState::sockets)?;
            fiber::udp::add_to_linker::<_, WasiSockets>(linker, CallState::sockets)
        }
    }
}

/// What creating a socket comes to.
type Refused<S> = (Result<Resource<S>, fiber::network::ErrorCode>,);

fn refuse<S: 'static>(state: &mut CallState, _family: fiber::network::IpAddressFamily) -> wasmtime::Result<Refused<S>> {
    state.count()?;
    Ok((Err(fiber::network::ErrorCode::AccessDenied),))
}
