//! Reads a component without compiling it: what kind of file it is, what it imports and exports, what it says of its tools,
//! and whether it is small enough in every respect to be compiled.
//!
//! The bounds are far above what compilers make of real programs (a Python interpreter has 30,000 functions) and far
//! below what a file of the allowed size can ask of a compiler.

use std::ops::Range;

use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload, TypeRef};

/// One thing that a component has only so many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bound {
    what: &'static str,
    most: u64,
}

const FUNCTIONS: Bound = Bound { what: "functions", most: 200_000 };
const FUNCTION_BYTES: Bound = Bound { what: "bytes in one function", most: 2 << 20 };
const TYPES: Bound = Bound { what: "types", most: 50_000 };
const TYPE_BYTES: Bound = Bound { what: "bytes of types", most: 4 << 20 };
const MODULES: Bound = Bound { what: "modules and components within each other", most: 1_000 };
const NESTING: Bound = Bound { what: "levels of modules and components", most: 16 };
const INSTANCES: Bound = Bound { what: "instances", most: 1_000 };
const ITEMS: Bound = Bound { what: "imports, exports, globals, tables, memories, segments and aliases", most: 500_000 };
/// wasmtime itself makes modules with two, between the parts of a composed component. Of a guest's nothing is known that needs it.
const MEMORIES: Bound = Bound { what: "memory in one module", most: 1 };
const SECTIONS: Bound = Bound { what: "tool sections", most: 1 };
const SECTION_BYTES: Bound = Bound { what: "bytes of its tool section", most: 4 << 20 };

/// Why a file is not a component that can be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Larger than [`crate::SandboxConfig::max_component_bytes`].
    #[error("the component has {size} bytes; at most {most} are allowed")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The bound in bytes.
        most: u64,
    },
    /// More of something than the compiler should be given.
    #[error("the component has more than {most} {what}")]
    Excessive {
        /// Of what.
        what: &'static str,
        /// The bound.
        most: u64,
    },
    /// A core module that is not one of WASI preview 1.
    #[error(
        "this is a core WebAssembly module that cannot be made a component: {0}; build for `wasm32-wasip2` or WASI preview 1"
    )]
    CoreModule(String),
    /// Compiled machine code.
    #[error("this is precompiled machine code, not a component: give the `.wasm` that it was compiled from")]
    Precompiled,
    /// Anything else.
    #[error("this is not a WebAssembly component: {0}")]
    NotWasm(String),
}

/// What a component shows without being compiled.
#[derive(Debug, Default)]
pub(crate) struct Inspected {
    /// Names of what it imports.
    pub(crate) imports: Vec<String>,
    /// Names of what it exports.
    pub(crate) exports: Vec<String>,
    /// It is a core module.
    pub(crate) is_module: bool,
    /// Where its `toolhold:tool` section is.
    pub(crate) section: Option<Range<usize>>,
}

/// Looks at `bytes`.
///
/// # Errors
///
/// [`Error`] if they are not a component that can be compiled.
pub(crate) fn inspect(bytes: &[u8], max_bytes: u64) -> Result<Inspected, Error> {
    let size = bytes.len() as u64;
    if size > max_bytes {
        return Err(Error::TooLarge { size, most: max_bytes });
    }
    if bytes.starts_with(b"\x7fELF") {
        return Err(Error::Precompiled);
    }
    // The parser says the same in a list of numbers over a dozen lines.
    if !bytes.starts_with(b"\0asm") {
        return Err(Error::NotWasm("it does not begin with `\\0asm`".into()));
    }
    let mut walk = Walk::default();
    for payload in Parser::new(0).parse_all(bytes) {
        walk.see(payload.map_err(|error| Error::NotWasm(error.to_string()))?)?;
    }
    Ok(walk.found)
}

#[derive(Debug, Default)]
struct Walk {
    found: Inspected,
    depth: u64,
    functions: u64,
    types: u64,
    type_bytes: u64,
    modules: u64,
    instances: u64,
    items: u64,
    /// Of the module that is being read, imported and its own.
    memories: u64,
}

impl Walk {
    fn see(&mut self, payload: Payload<'_>) -> Result<(), Error> {
        match payload {
            Payload::Version { encoding, .. } => self.begin(encoding),
            Payload::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Ok(())
            }
            Payload::FunctionSection(section) => add(&mut self.functions, section.count().into(), FUNCTIONS),
            Payload::CodeSectionEntry(body) => add(&mut 0, body.range().len() as u64, FUNCTION_BYTES),
            Payload::TypeSection(section) => self.types(section.count(), &section.range()),
            Payload::CoreTypeSection(section) => self.types(section.count(), &section.range()),
            Payload::ComponentTypeSection(section) => self.types(section.count(), &section.range()),
            Payload::InstanceSection(section) => add(&mut self.instances, section.count().into(), INSTANCES),
            Payload::ComponentInstanceSection(section) => add(&mut self.instances, section.count().into(), INSTANCES),
            other => self.item(other),
        }
    }

    fn begin(&mut self, encoding: Encoding) -> Result<(), Error> {
        if self.depth == 0 {
            self.found.is_module = encoding == Encoding::Module;
        }
        self.memories = 0;
        add(&mut self.depth, 1, NESTING)?;
        add(&mut self.modules, 1, MODULES)
    }

    fn types(&mut self, count: u32, range: &Range<usize>) -> Result<(), Error> {
        add(&mut self.types, count.into(), TYPES)?;
        add(&mut self.type_bytes, range.len() as u64, TYPE_BYTES)
    }

    fn item(&mut self, payload: Payload<'_>) -> Result<(), Error> {
        let count = match payload {
            Payload::ImportSection(section) => {
                let count = section.count();
                self.memory_imports(section)?;
                count
            }
            Payload::TableSection(section) => section.count(),
            Payload::MemorySection(section) => {
                add(&mut self.memories, section.count().into(), MEMORIES)?;
                section.count()
            }
            Payload::GlobalSection(section) => section.count(),
            Payload::ExportSection(section) => {
                let count = section.count();
                self.core_exports(section)?;
                count
            }
            Payload::ElementSection(section) => section.count(),
            Payload::DataSection(section) => section.count(),
            Payload::ComponentAliasSection(section) => section.count(),
            Payload::ComponentCanonicalSection(section) => section.count(),
            Payload::ComponentImportSection(section) => {
                let count = section.count();
                self.imports(section)?;
                count
            }
            Payload::ComponentExportSection(section) => {
                let count = section.count();
                self.exports(section)?;
                count
            }
            Payload::CustomSection(section) => return self.custom(&section),
            _ => 0,
        };
        add(&mut self.items, count.into(), ITEMS)
    }

    fn memory_imports(&mut self, section: wasmparser::ImportSectionReader<'_>) -> Result<(), Error> {
        for import in section.into_imports() {
            let import = import.map_err(|error| Error::NotWasm(error.to_string()))?;
            add(&mut self.memories, matches!(import.ty, TypeRef::Memory(_)).into(), MEMORIES)?;
        }
        Ok(())
    }

    fn imports(&mut self, section: wasmparser::ComponentImportSectionReader<'_>) -> Result<(), Error> {
        if self.depth == 1 {
            for import in section {
                let import = import.map_err(|error| Error::NotWasm(error.to_string()))?;
                self.found.imports.push(import.name.name.to_owned());
            }
        }
        Ok(())
    }

    fn exports(&mut self, section: wasmparser::ComponentExportSectionReader<'_>) -> Result<(), Error> {
        if self.depth == 1 {
            for export in section {
                let export = export.map_err(|error| Error::NotWasm(error.to_string()))?;
                if export.kind != ComponentExternalKind::Type {
                    self.found.exports.push(export.name.name.to_owned());
                }
            }
        }
        Ok(())
    }

    /// Of a core module, which is adapted by what it exports.
    fn core_exports(&mut self, section: wasmparser::ExportSectionReader<'_>) -> Result<(), Error> {
        if self.depth == 1 && self.found.is_module {
            for export in section {
                let export = export.map_err(|error| Error::NotWasm(error.to_string()))?;
                self.found.exports.push(export.name.to_owned());
            }
        }
        Ok(())
    }

    fn custom(&mut self, section: &wasmparser::CustomSectionReader<'_>) -> Result<(), Error> {
        if self.depth == 1 && section.name() == toolhold_core::describe::SECTION {
            add(&mut 0, section.data().len() as u64, SECTION_BYTES)?;
            // Of two descriptions, readers could believe different ones.
            add(&mut u64::from(self.found.section.is_some()), 1, SECTIONS)?;
            let start = section.data_offset();
            self.found.section = Some(start..start + section.data().len());
        }
        Ok(())
    }
}

fn add(sum: &mut u64, amount: u64, bound: Bound) -> Result<(), Error> {
    *sum = sum.saturating_add(amount);
    if *sum > bound.most { Err(Error::Excessive { what: bound.what, most: bound.most }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> Error {
        inspect(bytes, 1 << 20).unwrap_err()
    }

    #[test]
    fn what_is_not_a_component_is_told_apart() {
        assert!(inspect(&wat::parse_str("(module)").unwrap(), 1 << 20).unwrap().is_module);
        assert_eq!(refused(b"\x7fELF\x02\x01\x01"), Error::Precompiled);
        assert!(matches!(refused(b"#!/bin/sh"), Error::NotWasm(_)));
        assert!(matches!(refused(b""), Error::NotWasm(_)));
        let mut cut = wat::parse_str("(component (core module))").unwrap();
        cut.truncate(cut.len() - 3);
        assert!(matches!(refused(&cut), Error::NotWasm(_)));
    }

    #[test]
    fn a_component_over_the_size_is_not_even_read() {
        assert_eq!(inspect(&[0; 9], 8).unwrap_err(), Error::TooLarge { size: 9, most: 8 });
    }

    #[test]
    fn a_large_custom_section_of_others_is_skipped_and_an_own_one_refused() {
        let component = |name: &str| {
            let mut component = wasm_encoder::Component::new();
            component.section(&wasm_encoder::CustomSection { name: name.into(), data: vec![0; 5 << 20].into() });
            component.finish()
        };
        assert!(inspect(&component("producers"), 64 << 20).is_ok());
        let error = inspect(&component(toolhold_core::describe::SECTION), 64 << 20).unwrap_err();
        assert_eq!(error, Error::Excessive { what: SECTION_BYTES.what, most: SECTION_BYTES.most });
    }

    #[test]
    fn nesting_types_functions_and_instances_are_bounded() {
        let deep = format!("{}{}", "(component ".repeat(20), ")".repeat(20));
        let types = format!("(component {})", "(type string)".repeat(50_001));
        let functions = format!("(component (core module (type (func)) {}))", "(func (type 0))".repeat(200_001));
        let instances = format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(1_001));
        let memories = "(component (core module (memory 1)) (core module (memory 1) (memory 1)))".to_owned();
        let imported = "(component (core module (import \"a\" \"b\" (memory 1)) (memory 1)))".to_owned();
        for (text, what) in [(memories, MEMORIES), (imported, MEMORIES)] {
            let error = inspect(&wat::parse_str(&text).unwrap(), 64 << 20).unwrap_err();
            assert_eq!(error, Error::Excessive { what: what.what, most: what.most });
        }
        for (text, what) in [(deep, NESTING), (types, TYPES), (functions, FUNCTIONS), (instances, INSTANCES)] {
            let error = inspect(&wat::parse_str(&text).unwrap(), 64 << 20).unwrap_err();
            assert_eq!(error, Error::Excessive { what: what.what, most: what.most });
        }
    }

    #[test]
    fn imports_and_exports_of_the_outermost_component_are_found() {
        let text = r#"(component
            (import "wasi:cli/environment@0.2.6" (instance))
            (component (import "inner" (func)))
            (instance $i) (export "toolhold:tool/described@0.1.0" (instance $i)))"#;
        let found = inspect(&wat::parse_str(text).unwrap(), 1 << 20).unwrap();
        assert_eq!(found.imports, ["wasi:cli/environment@0.2.6"]);
        assert_eq!(found.exports, ["toolhold:tool/described@0.1.0"]);
    }
}
