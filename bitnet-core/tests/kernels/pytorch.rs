//! The kernels of `activation.metal` against PyTorch in double precision. `tests/vectors/make_pytorch.py` made
//! the data.

use super::run;
use super::support::{name, with_shaders};
use bitnet_core::metal::BitNetShaders;
use bitnet_core::metal::kernels::case::{Data, Expected, Values};
use bitnet_core::metal::kernels::row::{Element, Tolerance};
use bitnet_core::metal::kernels::{BitNetShaderFunction, Case, KernelRow, Precision, TABLE, compare_with};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::str::FromStr;

const VECTORS: &str = include_str!("../vectors/pytorch.json");

/// What PyTorch's own double precision may lose where its formula cancels: 1 + erf(x), far below zero.
const CANCELLED: f64 = 1e-15;

fn numbers<T: FromStr>(text: &Value) -> Vec<T> {
    let words = text.as_str().expect("a string of numbers").split_whitespace();
    words.map(|word| word.parse().unwrap_or_else(|_| panic!("{word} is not a number"))).collect()
}

/// A field of the case, an object.
fn object<'a>(case: &'a Value, field: &str) -> &'a Map<String, Value> {
    case[field].as_object().unwrap_or_else(|| panic!("no {field} in {case}"))
}

fn by_index<'a>(case: &'a Value, field: &str) -> impl Iterator<Item = (u32, &'a Value)> {
    object(case, field).iter().map(|(index, text)| (index.parse().expect("a buffer index"), text))
}

/// The bytes of the parameter struct with these values, by field.
fn params(row: &KernelRow, values: &Map<String, Value>) -> Vec<u8> {
    let layout = row.constants().1;
    assert_eq!(values.len(), layout.fields.len(), "{}", row.name);
    let field = |name: &str| values.get(name).unwrap_or_else(|| panic!("{}: no {name}", row.name));
    let bytes = |field_name: &str, element: Element| match element {
        Element::F32 => (field(field_name).as_f64().expect("a number") as f32).to_ne_bytes(),
        _ => (field(field_name).as_u64().expect("an integer") as u32).to_ne_bytes(),
    };
    layout.fields.iter().flat_map(|field| bytes(field.name, field.element)).collect()
}

fn case_of(row: &KernelRow, vector: &Value) -> Case {
    let params = params(row, object(vector, "params"));
    let buffer = |(index, text): (u32, &Value)| {
        let element = row.param(index).and_then(|param| param.element());
        let data = match element.expect("a buffer of the kernel") {
            Element::U32 => Data::U32(numbers(text)),
            _ => Data::F32(numbers(text)),
        };
        (index, data)
    };
    Case {
        label: vector["label"].as_str().expect("a label").to_owned(),
        precision: Precision::Single,
        shape: (row.constants().1.shape)(&params).expect("parameters that mean something"),
        params,
        buffers: by_index(vector, "buffers").map(buffer).collect(),
    }
}

/// Where the kernel differs from PyTorch on purpose: what it gives, PyTorch giving something else.
///
/// The derivative at NaN is NaN, where PyTorch's relu lets dy pass. At ±∞ gelu and swish give their limits,
/// where PyTorch's formulas come to ∞·0.
fn on_purpose(kernel: &str, operands: &[Vec<f64>], element: usize) -> Option<f64> {
    let operand = |index: usize| operands[index][element];
    match kernel {
        "relu_backward" | "leaky_relu_backward" => operand(1).is_nan().then_some(f64::NAN),
        "gelu_forward" | "gelu_tanh_forward" | "swish_forward" => {
            (operand(0) == f64::NEG_INFINITY).then_some(0.0)
        }
        "gelu_backward" | "gelu_tanh_backward" | "swish_backward" => {
            let limit = if operand(1) > 0.0 { operand(0) } else { 0.0 };
            operand(1).is_infinite().then_some(limit)
        }
        _ => None,
    }
}

/// What PyTorch gives, with the magnitudes that our reference says errors are in proportion to. Gives also how
/// many elements differ on purpose.
///
/// A device that takes subnormals for zeros comes to what our reference says there.
fn expected(row: &KernelRow, case: &Case, vector: &Value) -> (Vec<Expected>, usize) {
    let given = [0, 1].map(|index| case_of(row, vector).floats(index));
    let operands = [case.floats(0), case.floats(1)];
    let mut differ = 0;
    let mut ours = (row.reference)(case);
    assert_eq!(ours.len(), object(vector, "expected").len(), "{}", name(row, case));
    for output in &mut ours {
        let text = &vector["expected"][output.index.to_string()];
        let theirs: Vec<f64> = numbers(text);
        let Values::Floats { elements, .. } = &mut output.values else { panic!("PyTorch gives floats") };
        assert_eq!(elements.len(), theirs.len(), "{}", name(row, case));
        let cancels = row.param(output.index).and_then(|param| param.tolerance()) == Some(Tolerance::Ulp(4));
        for (at, (element, &value)) in elements.iter_mut().zip(&theirs).enumerate() {
            let is_flushed =
                |(given, taken): (&Vec<f64>, &Vec<f64>)| taken.get(at) == Some(&0.0) && given[at] != 0.0;
            if !given.iter().zip(&operands).any(is_flushed) {
                element.value = on_purpose(row.name, &operands, at).unwrap_or(value);
            }
            differ += usize::from(element.value.is_nan() != value.is_nan());
            element.slack += if cancels { CANCELLED } else { 0.0 };
        }
    }
    (ours, differ)
}

#[test]
fn kernels_agree_with_pytorch() {
    with_shaders(|shaders| {
        check_all(shaders);
    });
}

fn check_all(shaders: &BitNetShaders) {
    let vectors: Value = serde_json::from_str(VECTORS).expect("the vectors are JSON");
    let mut seen = BTreeSet::new();
    let (mut complaints, mut differ) = (Vec::new(), 0);
    for vector in vectors["cases"].as_array().expect("a list of cases") {
        let kernel = vector["kernel"].as_str().expect("a kernel's name");
        let row =
            BitNetShaderFunction::from_name(kernel).unwrap_or_else(|| panic!("no kernel {kernel}")).row();
        let case = case_of(row, vector).on_device(shaders.device());
        let (expected, different) = expected(row, &case, vector);
        let outputs = run(shaders, row, &case);
        let verdict = compare_with(row, &case, &outputs, &expected);
        if !verdict.is_ok() {
            complaints.push(format!("{}: {verdict:?}", name(row, &case)));
        }
        differ += different;
        seen.insert(row.name);
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    let all: BTreeSet<_> =
        TABLE.iter().filter(|row| row.shader == "activation").map(|row| row.name).collect();
    assert_eq!(seen, all, "every kernel of activation.metal has vectors");
    // relu and leaky relu at NaN; three forwards at −∞, three derivatives at ±∞.
    assert_eq!(differ, 2 + 3 + 6, "elements that differ from PyTorch on purpose");
}
