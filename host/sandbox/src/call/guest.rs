//! A component on one engine, ready to be instantiated.

use std::collections::HashMap;
use std::sync::OnceLock;

use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use super::linker::{LaneLinker, linker};
use super::state::CallState;
use crate::component::{Function, Kind, Surface, is_describe, is_invoke, is_run};

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
    pub(crate) entrance: Entrance,
    calling_thread: OnceLock<InstancePre<CallState>>,
    fiber: OnceLock<InstancePre<CallState>>,
}

/// Where a call enters a component.
pub(crate) enum Entrance {
    /// The described interface.
    Described {
        /// What its tools are.
        describe: ComponentExportIndex,
        /// Runs one of them.
        invoke: ComponentExportIndex,
    },
    /// A function per tool, by the tool's name.
    Typed(HashMap<String, TypedFunction>),
    /// The one function of a program.
    Command(ComponentExportIndex),
}

/// A function that is a tool.
pub(crate) struct TypedFunction {
    pub(crate) index: ComponentExportIndex,
    pub(crate) ty: ComponentFunc,
}

impl Guest {
    /// The component `component`, which is of this kind.
    pub(crate) fn new(component: Component, kind: &Kind) -> wasmtime::Result<Self> {
        let entrance = match kind {
            Kind::Described { export } => described(&component, export)?,
            Kind::Typed { .. } => typed(&component)?,
            Kind::Command { export } => Entrance::Command(function(&component, export, "run", is_run)?),
        };
        Ok(Self { component, entrance, calling_thread: OnceLock::new(), fiber: OnceLock::new() })
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

fn described(component: &Component, export: &str) -> wasmtime::Result<Entrance> {
    let describe = function(component, export, "describe", is_describe)?;
    Ok(Entrance::Described { describe, invoke: function(component, export, "invoke", is_invoke)? })
}

/// The function `name` of the interface that `component` exports as `export`.
fn function(
    component: &Component,
    export: &str,
    name: &str,
    fits: fn(&ComponentFunc) -> bool,
) -> wasmtime::Result<ComponentExportIndex> {
    let missing = || wasmtime::format_err!("`{export}` has no function `{name}` as its world defines it");
    let instance = component.get_export_index(None, export).ok_or_else(missing)?;
    let (item, index) = component.get_export(Some(&instance), name).ok_or_else(missing)?;
    let fits = matches!(&item, ComponentItem::ComponentFunc(function) if fits(function));
    if fits { Ok(index) } else { Err(missing()) }
}

fn typed(component: &Component) -> wasmtime::Result<Entrance> {
    let surface = Surface::of(&component.component_type(), component.engine())?;
    let index = |function: &Function| {
        let interface = match &function.interface {
            Some(name) => Some(component.get_export_index(None, name)?),
            None => None,
        };
        component.get_export_index(interface.as_ref(), &function.function)
    };
    let entry = |function: Function| {
        let missing = || wasmtime::format_err!("the function `{}` is exported and not there", function.function);
        let index = index(&function).ok_or_else(missing)?;
        Ok((function.name.as_str().to_owned(), TypedFunction { index, ty: function.ty }))
    };
    Ok(Entrance::Typed(surface.functions.into_iter().map(entry).collect::<wasmtime::Result<_>>()?))
}
