//! A component on one engine, ready to be instantiated.

use std::sync::OnceLock;

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use super::linker::{LaneLinker, linker};
use super::state::CallState;
use crate::component::{is_describe, is_invoke};

/// An engine and what is built once for it.
pub(crate) struct Room {
    pub(crate) engine: Engine,
    calling_thread: OnceLock<Linker<CallState>>,
    fiber: OnceLock<Linker<CallState>>,
}

impl Room {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, calling_thread: OnceLock::new(), fiber: OnceLock::new() }
    }

    fn linker(&self, lane: LaneLinker) -> wasmtime::Result<&Linker<CallState>> {
        let slot = match lane {
            LaneLinker::CallingThread => &self.calling_thread,
            LaneLinker::Fiber => &self.fiber,
        };
        if slot.get().is_none() {
            // Two that come here at once build one too many: it is dropped.
            drop(slot.set(linker(&self.engine, lane)?));
        }
        slot.get().ok_or_else(|| wasmtime::format_err!("the linker was set and is not there"))
    }
}

/// A component on one engine.
pub(crate) struct Guest {
    pub(crate) component: Component,
    pub(crate) describe: ComponentExportIndex,
    pub(crate) invoke: ComponentExportIndex,
    calling_thread: OnceLock<InstancePre<CallState>>,
    fiber: OnceLock<InstancePre<CallState>>,
}

impl Guest {
    /// The component `component`, which exports the described interface under the name `export`.
    pub(crate) fn new(component: Component, export: &str) -> wasmtime::Result<Self> {
        let missing =
            |what: &str| wasmtime::format_err!("`{export}` has no function `{what}` as the tool world defines it");
        let instance = component.get_export_index(None, export).ok_or_else(|| missing("describe"))?;
        let function = |name: &str, fits: fn(&ComponentFunc) -> bool| {
            let (item, index) = component.get_export(Some(&instance), name).ok_or_else(|| missing(name))?;
            let fits = matches!(&item, ComponentItem::ComponentFunc(function) if fits(function));
            if fits { Ok(index) } else { Err(missing(name)) }
        };
        let (describe, invoke) = (function("describe", is_describe)?, function("invoke", is_invoke)?);
        Ok(Self { component, describe, invoke, calling_thread: OnceLock::new(), fiber: OnceLock::new() })
    }

    /// The component with its imports resolved in `room`.
    ///
    /// # Errors
    ///
    /// The import that does not exist here, or does not have the type that the component wants.
    pub(crate) fn pre(&self, room: &Room, lane: LaneLinker) -> wasmtime::Result<&InstancePre<CallState>> {
        let slot = match lane {
            LaneLinker::CallingThread => &self.calling_thread,
            LaneLinker::Fiber => &self.fiber,
        };
        if slot.get().is_none() {
            drop(slot.set(room.linker(lane)?.instantiate_pre(&self.component)?));
        }
        slot.get().ok_or_else(|| wasmtime::format_err!("the instance was set and is not there"))
    }
}
