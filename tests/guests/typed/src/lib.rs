//! A component that knows nothing of Toolhold: plain functions over every type of WIT, as another host's tools have them.
#![allow(missing_docs, unsafe_code, reason = "what the bindings generate")]

use exports::example::typed::acting::{Detail, Error};
use exports::example::typed::echo::{Access, Color, Shape};
use exports::example::typed::keeping::{GuestThing, Thing};
use exports::example::typed::{acting, echo, keeping};

wit_bindgen::generate!({ world: "typed", path: "wit" });

struct Component;

#[cfg(target_arch = "wasm32")]
export!(Component);

impl echo::Guest for Component {
    fn numbers(a: u8, b: i8, c: u16, d: i16, e: u32, f: i32, g: u64, h: i64) -> (u8, i8, u16, i16, u32, i32, u64, i64) {
        (a, b, c, d, e, f, g, h)
    }

    fn floats(single: f32, double: f64) -> (f32, f64) {
        (single, double)
    }

    fn texts(text: String, letter: char, yes: bool) -> (String, char, bool) {
        (text, letter, yes)
    }

    fn bytes(data: Vec<u8>) -> Vec<u8> {
        data
    }

    fn shapes(all: Vec<Shape>) -> Vec<Shape> {
        all
    }

    fn options(one: Option<String>, two: Option<Option<u32>>) -> (Option<String>, Option<Option<u32>>) {
        (one, two)
    }

    fn results(all: Vec<Result<u32, String>>) -> Vec<Result<u32, String>> {
        all
    }

    fn names(color: Color, access: Access) -> (Color, Access) {
        (color, access)
    }
}

impl acting::Guest for Component {
    fn fail(how: String) -> Result<String, Error> {
        match how.as_str() {
            "not-found" => Err(Error::NotFound("no such thing".into())),
            "denied" => Err(Error::Denied),
            "too-large" => Err(Error::TooLarge(Detail { message: "far too large".into(), at: 7 })),
            "invalid" => Err(Error::InvalidInput("makes no sense".into())),
            _ => Ok("did not fail".into()),
        }
    }

    fn nothing() {}

    #[expect(clippy::panic, reason = "that is what it is for")]
    fn trap() {
        panic!("as it was asked to");
    }

    fn flood(bytes: u32) -> Vec<u8> {
        vec![7; usize::try_from(bytes).unwrap_or_default()]
    }

    fn many(count: u32) -> Vec<Detail> {
        (0..count).map(|at| Detail { message: String::new(), at }).collect()
    }

    fn read_file(path: String) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }

    fn write_file(path: String, content: String) -> Result<(), String> {
        std::fs::write(path, content).map_err(|error| error.to_string())
    }
}

struct Kept;

impl GuestThing for Kept {
    fn new() -> Self {
        Self
    }

    fn get(&self) -> u32 {
        1
    }
}

impl keeping::Guest for Component {
    type Thing = Kept;

    fn make() -> Thing {
        Thing::new(Kept)
    }
}

impl Guest for Component {
    fn get_version() -> String {
        "1.2.0".into()
    }
}
