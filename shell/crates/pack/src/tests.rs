//! What is packed and what is refused.

use wit_component::StringEncoding;
use wit_parser::Resolve;

use super::*;

const WIT: &str = r"
    package test:pack@0.1.0;
    interface out { say: func(); }
    interface other { say: func(); }
    world plugin { import out; export run: func(); }
";

fn module(wat: &str) -> Vec<u8> {
    let mut module = wat::parse_str(wat).unwrap();
    let mut resolve = Resolve::default();
    let package = resolve.push_str("pack.wit", WIT).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    let utf8 = StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, utf8).unwrap();
    module
}

#[test]
fn a_module_of_the_contract_becomes_the_same_component_each_time() {
    let module = module(
        r#"(module (import "test:pack/out@0.1.0" "say" (func)) (func (export "run") call 0))"#,
    );
    let packed = pack(&module).unwrap();
    assert!(Parser::is_component(&packed.component));
    assert_eq!(packed.digest, Digest::of(&packed.component));
    assert_eq!(pack(&module).unwrap().component, packed.component);
}

#[test]
fn what_is_no_module() {
    let whole = module(r#"(module (func (export "run")))"#);
    let component = pack(&whole).unwrap().component;
    for bad in [b"".as_slice(), b"(module)", &whole[..whole.len() / 2], &component] {
        assert!(matches!(pack(bad), Err(PackError::NotAModule(_))), "{:?}", pack(bad).err());
    }
}

#[test]
fn a_module_without_contract() {
    let bare = wat::parse_str(r#"(module (func (export "run")))"#).unwrap();
    assert_eq!(pack(&bare).unwrap_err(), PackError::NoContract);
}

#[test]
fn imports_outside_of_the_contract_are_named() {
    for (import, named) in [
        (r#""env" "exec""#, "env.exec"),
        (r#""wasi_snapshot_preview1" "fd_write""#, "wasi_snapshot_preview1.fd_write"),
        (r#""test:pack/other@0.1.0" "say""#, "test:pack/other@0.1.0"),
    ] {
        let module =
            module(&format!(r#"(module (import {import} (func)) (func (export "run") call 0))"#));
        assert_eq!(pack(&module).unwrap_err(), PackError::UndeclaredImport(named.into()));
    }
}

#[test]
fn an_export_that_is_missing_is_named() {
    let error = pack(&module("(module)")).unwrap_err();
    let PackError::Encoding(why) = &error else { panic!("{error:?}") };
    assert!(why.contains("run"), "{why}");
}
