//! Components that are small to say and large to compile, to instantiate or to read. Generated, because nobody would want
//! to see them.

use anyhow::Result;
use wasm_encoder::{
    BlockType, CodeSection, Component, ComponentSectionId, ComponentTypeSection, ComponentValType, Function,
    FunctionSection, Instruction, Module, ModuleSection, PrimitiveValType, RawSection, TypeSection, ValType,
};

use crate::wat_guest;

/// A harmless tool, beside which `count` instances of a core module with these fields are made.
///
/// # Errors
///
/// If the fields are not those of a module.
pub fn beside(fields: &str, count: usize) -> Result<Vec<u8>> {
    let instances = "(core instance (instantiate $bomb))".repeat(count);
    wat_guest::from_text("(module)", &format!("(core module $bomb {fields}) {instances}"))
}

/// A harmless tool with more sections at its end.
fn with_more(more: Component) -> Result<Vec<u8>> {
    let header = Component::HEADER.len();
    let mut tool = wat_guest::from_text("(module)", "")?;
    tool.extend_from_slice(more.finish().get(header..).unwrap_or_default());
    Ok(tool)
}

/// A harmless tool with a module beside it that is never instantiated, only compiled.
fn beside_module(module: &Module) -> Result<Vec<u8>> {
    let mut component = Component::new();
    component.section(&ModuleSection(module));
    with_more(component)
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
        body.instruction(&Instruction::Block(BlockType::Empty));
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
        body.instruction(&Instruction::Block(BlockType::Empty));
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
    let mut types = ComponentTypeSection::new();
    types.defined_type().primitive(PrimitiveValType::U64);
    for level in 0..levels {
        let below = ComponentValType::Type(level);
        types.defined_type().tuple([below, below]);
    }
    let mut component = Component::new();
    component.section(&types);
    with_more(component)
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
    Ok(wat_guest::with_section(&wat_guest::from_text("(module)", "")?, name, vec![b' '; bytes]))
}
