//! Faults of header and payload, one by one. Whole modules there and back are in `tests/artifacts.rs`.

use super::*;
use crate::ir::{Block, Stmt, Type, TypeId};
use crate::source::Span;
use crate::{CompileOptions, compile};

fn module() -> Module {
    let text = "struct S { float a; int b[2]; };\n\
                kernel void k(device S *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {\n\
                  for (int n = 0; n < 2; n++) { if (n == 1) { break; } x[i].b[n] = n; }\n\
                  switch (x[i].b[0]) { case 1: x[i].a = 2.0f; break; default: x[i].a = 3.0f; }\n\
                }\n";
    compile("k.metal", text, &CompileOptions::default()).module.expect("it is right")
}

fn fault(bytes: &[u8]) -> String {
    decode(bytes).map_or_else(|error| error.to_string(), |_| "no fault".to_owned())
}

/// The artifact of a changed module.
fn refused(change: impl FnOnce(&mut Module)) -> String {
    let mut module = module();
    change(&mut module);
    fault(&encode(&module, "").expect("it is small"))
}

#[test]
fn faults_of_the_header_are_named() {
    let good = encode(&module(), "a warning").expect("it is small");
    assert_eq!(decode(&good).map(|artifact| artifact.warnings), Ok("a warning".to_owned()));
    let change = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        fault(&bytes)
    };
    let compiler_at = 13;
    assert_eq!(change(0, b'm'), "this is not an artifact");
    assert_eq!(change(8, 9), format!("the artifact has format 9, not {FORMAT}"));
    let other = format!("x{}", &COMPILER[1..]);
    assert_eq!(
        change(compiler_at, b'x'),
        format!("the artifact was written by compiler {other}, not {COMPILER}")
    );
    assert_eq!(change(good.len() - 1, good[good.len() - 1] ^ 1), "the artifact's checksum does not match");
    let longer = [&good[..], b"x"].concat();
    let (found, expected) = (payload(&good).map_or(0, <[u8]>::len) + 1, longer.len() - good.len());
    assert_eq!(expected, 1);
    assert_eq!(
        fault(&longer),
        format!("the artifact has {found} bytes of payload, its header says {}", found - 1)
    );
    assert_eq!(
        fault(&vec![0; MAX_ARTIFACT_BYTES + 1]),
        format!("the artifact has more than {MAX_ARTIFACT_BYTES} bytes")
    );
}

#[test]
fn no_part_of_an_artifact_is_one() {
    let good = encode(&module(), "").expect("it is small");
    let payload = payload(&good).expect("it is sound");
    for length in 0..good.len() {
        assert!(decode(&good[..length]).is_err(), "the first {length} bytes");
    }
    for length in 0..payload.len() {
        assert_eq!(fault(&seal(&payload[..length])), "the artifact's payload is not a module");
    }
    assert_eq!(fault(&seal(&[payload, b"x"].concat())), "the artifact's payload is not a module");
}

#[test]
fn a_module_that_breaks_a_rule_is_refused() {
    let check = |change: fn(&mut Module), rule: &str| {
        let said = refused(change);
        assert!(said.starts_with("the artifact's module is refused: ") && said.ends_with(rule), "{said}");
    };
    check(|module| module.functions[0].insts[0].ty = TypeId(u32::MAX), "a type exists");
    check(|module| module.kernels[0].function.0 = 9, "a kernel's function exists");
    check(|module| module.kernels.extend(module.kernels.clone()), "kernels have different names");
    check(|module| module.functions[0].body.0.clear(), "every instruction is evaluated once");
}

#[test]
fn depth_is_bounded_on_both_ways() {
    let nested = |depth: u32| {
        let mut module = module();
        let mut block = Block::default();
        for _ in 1..depth {
            let (body, continuing) = (block, Block::default());
            block = Block(vec![Stmt::Loop { body, continuing, span: Span::default() }, Stmt::Break]);
        }
        block.0.pop();
        std::mem::swap(&mut module.functions[0].body, &mut block);
        module
    };
    assert_eq!(encode(&nested(body::MAX_DEPTH + 1), "").err(), Some(ArtifactError::TooDeep));
    // The deepest block that may be written is read, and then found not to evaluate what it should.
    let deepest = encode(&nested(body::MAX_DEPTH), "").expect("just not too deep");
    assert!(fault(&deepest).contains("every instruction is evaluated once"), "{}", fault(&deepest));
}

#[test]
fn blocks_too_deep_for_the_stack_are_refused_before_they_are_built() {
    #[derive(Deserialize)]
    struct Body(#[serde(deserialize_with = "body::deserialize")] Block);
    let read = |bytes: &[u8]| postcard::from_bytes::<Body>(bytes).map(|body| body.0.0.len()).ok();
    // `Loop` is step 7, `Continuing` 8, `End` 12; a span is three numbers.
    assert_eq!(read(&[3, 7, 0, 0, 0, 8, 12]), Some(1), "a loop with nothing in it");
    let count = 1u32 << 20;
    let open =
        [postcard::to_allocvec(&count).expect("a number"), [7, 0, 0, 0].repeat(count as usize)].concat();
    assert_eq!(read(&open), None);
    for unbalanced in
        [&[1, 12][..], &[1, 4], &[1, 8], &[2, 7, 0, 0, 0, 8], &[2, 7, 0, 0, 0, 12], &[2, 6, 0, 0, 12]]
    {
        assert_eq!(read(unbalanced), None, "{unbalanced:?}");
    }
}

#[test]
fn the_table_of_types_is_not_believed() {
    let check = |types: Vec<Type>, rule: &str| {
        let types = postcard::to_allocvec(&(types, Vec::<crate::ir::StructType>::new())).expect("small");
        let types: crate::ir::TypeTable = postcard::from_bytes(&types).expect("just written");
        let module = Module { types, ..Module::default() };
        let said = fault(&encode(&module, "").expect("it is small"));
        assert_eq!(said, format!("the artifact's module is refused: in the types: {rule}"));
    };
    use crate::ir::{AddressSpace, Scalar, StructId};
    let pointer =
        |pointee| Type::Pointer { space: AddressSpace::Device, pointee: TypeId(pointee), is_const: false };
    let array = |elem, len| Type::Array { elem: TypeId(elem), len };
    let float = Type::Scalar(Scalar::F32);
    check(vec![float, float], "a type has one id");
    check(vec![pointer(0)], "what a type is made of comes before it");
    check(vec![array(1, 2), float], "what a type is made of comes before it");
    check(vec![Type::Void, array(0, 1)], "an element or member has a type that can be stored");
    check(vec![float, array(0, 0)], "an array has a length, and a size of at most 1 GiB");
    check(vec![float, array(0, 1 << 29)], "an array has a length, and a size of at most 1 GiB");
    check(vec![Type::Struct(StructId(0))], "a struct exists");
    check(
        vec![Type::Vector { elem: Scalar::F32, len: 5, packed: false }],
        "a vector has two to four components",
    );
    check(
        vec![Type::Matrix { elem: Scalar::I32, cols: 2, rows: 2 }],
        "a matrix has two to four columns and rows of half or float",
    );
    check(vec![Type::Atomic(Scalar::F16)], "an atomic is a bool, or has 32 or 64 bits");
    let tower = std::iter::once(float).chain((0..600).map(pointer)).collect();
    check(tower, "types are not too deep within each other");
}

#[test]
fn structs_lie_as_the_language_says() {
    let check = |change: fn(&mut crate::ir::StructType)| {
        let module = module();
        let mut structs = module.types.structs().to_vec();
        change(&mut structs[0]);
        let types: Vec<Type> =
            (0..module.types.len() as u32).map(|id| module.types.get(TypeId(id))).collect();
        let types = postcard::to_allocvec(&(types, structs)).expect("small");
        let module = Module { types: postcard::from_bytes(&types).expect("just written"), ..module };
        let said = fault(&encode(&module, "").expect("it is small"));
        assert!(said.ends_with("a struct lies in memory as MSL lays it out"), "{said}");
    };
    check(|found| found.fields[1].offset_bytes = 1 << 20);
    check(|found| found.size_bytes = 8);
    check(|found| found.align_bytes = 0);
    check(|found| found.is_union = true);
}
