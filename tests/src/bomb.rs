//! Components that are small to say and large to compile, to instantiate or to read. Generated, because nobody would want
//! to see them.

use anyhow::Result;
use wasm_encoder::{
    Alias, CodeSection, Component, ComponentAliasSection, ComponentExportKind, ComponentExportSection,
    ComponentInstanceSection, ComponentSectionId, ComponentTypeRef, Function, FunctionSection, InstanceSection,
    Instruction, Module, ModuleArg, ModuleSection, PrimitiveValType, RawSection, TypeSection, ValType,
};

use crate::wat_guest;

/// The interface that is passed on from the inner to the outer component.
const DESCRIBED: &str = "toolhold:tool/described@0.1.0";

/// A harmless tool, beside which `count` instances of the core module `text` are made.
///
/// # Errors
///
/// If `text` is not a module.
pub fn beside(text: &str, count: u32) -> Result<Vec<u8>> {
    let mut outer = Component::new();
    outer.section(&RawSection { id: ComponentSectionId::CoreModule.into(), data: &wat::parse_str(text)? });
    let mut instances = InstanceSection::new();
    for _ in 0..count {
        instances.instantiate::<[(&str, ModuleArg); 0], &str>(0, []);
    }
    outer.section(&instances);
    let tool = wat_guest::from_text("(module)")?;
    outer.section(&RawSection { id: ComponentSectionId::Component.into(), data: &tool });
    let mut instances = ComponentInstanceSection::new();
    instances.instantiate::<[(&str, ComponentExportKind, u32); 0], &str>(0, []);
    outer.section(&instances);
    let mut aliases = ComponentAliasSection::new();
    aliases.alias(Alias::InstanceExport { instance: 0, kind: ComponentExportKind::Instance, name: DESCRIBED });
    outer.section(&aliases);
    let mut exports = ComponentExportSection::new();
    exports.export(DESCRIBED, ComponentExportKind::Instance, 1, None::<ComponentTypeRef>);
    outer.section(&exports);
    wat_guest::described(&outer.finish())
}

/// A harmless tool with a module beside it that is never instantiated, only compiled.
fn beside_module(module: &Module) -> Result<Vec<u8>> {
    let mut outer = beside("(module)", 1)?;
    let mut component = Component::new();
    component.section(&ModuleSection(module));
    outer.extend_from_slice(component.finish().get(8..).unwrap_or_default());
    Ok(outer)
}

/// `functions` functions of `instructions` instructions each, in nests of loops and branches that optimizers dislike.
///
/// # Errors
///
/// None in practice.
pub fn code(functions: u32, instructions: u32) -> Result<Vec<u8>> {
    let mut body = Function::new([(64, ValType::I64)]);
    for index in 0..instructions / 8 {
        let (one, other) = (index % 64, (index * 31 + 7) % 64);
        body.instruction(&Instruction::Block(wasm_encoder::BlockType::Empty));
        body.instruction(&Instruction::LocalGet(one));
        body.instruction(&Instruction::LocalGet(other));
        body.instruction(&Instruction::I64RemU);
        body.instruction(&Instruction::LocalTee(other));
        body.instruction(&Instruction::I64Eqz);
        body.instruction(&Instruction::BrIf(0));
        body.instruction(&Instruction::End);
    }
    body.instruction(&Instruction::End);
    beside_module(&repeated(functions, &body))
}

/// One function whose blocks are nested `depth` deep.
///
/// # Errors
///
/// None in practice.
pub fn nested_blocks(depth: u32) -> Result<Vec<u8>> {
    let mut body = Function::new([]);
    for _ in 0..depth {
        body.instruction(&Instruction::Block(wasm_encoder::BlockType::Empty));
    }
    for _ in 0..=depth {
        body.instruction(&Instruction::End);
    }
    beside_module(&repeated(1, &body))
}

/// `count` functions that do nothing.
///
/// # Errors
///
/// None in practice.
pub fn functions(count: u32) -> Result<Vec<u8>> {
    let mut body = Function::new([]);
    body.instruction(&Instruction::End);
    beside_module(&repeated(count, &body))
}

fn repeated(count: u32, body: &Function) -> Module {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([], []);
    module.section(&types);
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    for _ in 0..count {
        functions.function(0);
        code.function(body);
    }
    module.section(&functions);
    module.section(&code);
    module
}

/// A type that is `2^levels` types when it is written out: a pair of pairs of pairs.
///
/// # Errors
///
/// None in practice.
pub fn types(levels: u32) -> Result<Vec<u8>> {
    let mut types = wasm_encoder::ComponentTypeSection::new();
    types.defined_type().primitive(PrimitiveValType::U64);
    for level in 0..levels {
        let below = wasm_encoder::ComponentValType::Type(level);
        types.defined_type().tuple([below, below]);
    }
    let mut component = Component::new();
    component.section(&types);
    let mut outer = beside("(module)", 1)?;
    outer.extend_from_slice(component.finish().get(8..).unwrap_or_default());
    Ok(outer)
}

/// Components within components, `depth` deep.
#[must_use]
pub fn nested_components(depth: u32) -> Vec<u8> {
    let mut inner = Component::new().finish();
    for _ in 0..depth {
        let mut outer = Component::new();
        outer.section(&RawSection { id: ComponentSectionId::Component.into(), data: &inner });
        inner = outer.finish();
    }
    inner
}

/// A harmless tool with a custom section of this many bytes.
///
/// # Errors
///
/// None in practice.
pub fn custom_section(name: &str, bytes: usize) -> Result<Vec<u8>> {
    Ok(wat_guest::with_section(&wat_guest::from_text("(module)")?, name, vec![b' '; bytes]))
}
