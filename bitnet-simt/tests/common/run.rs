//! Executes a run and compares.

use bitnet_msl::ir::{Binding, LogLevel, Module, Scalar, Type, TypeId, TypeTable};
use bitnet_msl::{CompileOptions, OptimizationLevel, artifact, compile, diag};
use bitnet_simt::{
    Bound, Counters, ExitedLanes, FunctionConstants, Grid, Launch, LogRecord, Memory, Program, RunOptions,
    RunStats, ShaderLog, Trap, TrapKind,
};
use half::{bf16, f16};

use super::parse::{self, Expect, Line, Number, Values};

/// Compiles a text; errors are rendered.
pub(crate) fn module(name: &str, text: &str, options: &CompileOptions) -> Result<Module, String> {
    let compilation = compile(name, text, options);
    let rendered = compilation.render(diag::RenderStyle::Plain);
    compilation.module.ok_or(rendered)
}

/// Scalars of a type with their offsets, in order.
pub(crate) fn cells(types: &TypeTable, ty: TypeId) -> Vec<(Scalar, usize)> {
    let mut out = Vec::new();
    collect(types, types.get(ty), types.size_bytes(ty), 0, &mut out);
    out
}

fn collect(types: &TypeTable, ty: Type, size: u32, base: usize, out: &mut Vec<(Scalar, usize)>) {
    let bytes = |scalar: Scalar| scalar.size_bytes() as usize;
    match ty {
        Type::Void => {}
        Type::Scalar(s) | Type::Atomic(s) => out.push((s, base)),
        Type::Pointer { .. } => out.push((Scalar::U64, base)),
        Type::Vector { elem, len, .. } => {
            out.extend((0..usize::from(len)).map(|i| (elem, base + i * bytes(elem))))
        }
        Type::Matrix { elem, cols, rows } => {
            let stride = size as usize / usize::from(cols);
            for c in 0..usize::from(cols) {
                out.extend((0..usize::from(rows)).map(|r| (elem, base + c * stride + r * bytes(elem))));
            }
        }
        Type::Array { elem, len } => {
            let stride = types.size_bytes(elem) as usize;
            for i in 0..len as usize {
                collect(types, types.get(elem), types.size_bytes(elem), base + i * stride, out);
            }
        }
        Type::Struct(id) => {
            for field in &types.get_struct(id).fields {
                let (ty, at) = (field.ty, base + field.offset_bytes as usize);
                collect(types, types.get(ty), types.size_bytes(ty), at, out);
            }
        }
    }
}

fn encode(scalar: Scalar, value: Number, out: &mut [u8]) {
    let bits = match scalar {
        Scalar::F32 => u64::from((value.as_f64() as f32).to_bits()),
        Scalar::F16 => f16::from_f64(value.as_f64()).to_bits().into(),
        Scalar::BF16 => bf16::from_f64(value.as_f64()).to_bits().into(),
        _ => value.as_i128() as u64,
    };
    let size = scalar.size_bytes() as usize;
    out[..size].copy_from_slice(&bits.to_le_bytes()[..size]);
}

fn decode(scalar: Scalar, bytes: &[u8]) -> Number {
    let mut word = [0; 8];
    let size = scalar.size_bytes() as usize;
    word[..size].copy_from_slice(&bytes[..size]);
    let bits = u64::from_le_bytes(word);
    let unused = 64 - size * 8;
    match scalar {
        Scalar::F32 => Number::Float(f32::from_bits(bits as u32).into()),
        Scalar::F16 => Number::Float(f16::from_bits(bits as u16).to_f64()),
        Scalar::BF16 => Number::Float(bf16::from_bits(bits as u16).to_f64()),
        s if s.is_signed() => Number::Int((((bits << unused) as i64) >> unused).into()),
        _ => Number::Int(bits.into()),
    }
}

/// The bytes of values of a type.
fn to_bytes(types: &TypeTable, ty: TypeId, values: &Values) -> Result<Vec<u8>, String> {
    let (cells, stride) = (cells(types, ty), types.size_bytes(ty) as usize);
    let (count, at): (usize, Box<dyn Fn(usize) -> Number>) = match values {
        Values::Unbound => return Err("nothing is bound".into()),
        Values::Zeros(n) => return Ok(vec![0; n * stride]),
        Values::Fill(n, value) => {
            let value = *value;
            (*n, Box::new(move |_| value))
        }
        Values::List(list, _) => {
            if list.len() % cells.len() != 0 {
                return Err(format!("{} numbers do not make whole elements of {}", list.len(), cells.len()));
            }
            let list = list.clone();
            (list.len() / cells.len(), Box::new(move |i| list[i]))
        }
    };
    let mut bytes = vec![0; count * stride];
    for element in 0..count {
        for (i, &(scalar, offset)) in cells.iter().enumerate() {
            encode(scalar, at(element * cells.len() + i), &mut bytes[element * stride + offset..]);
        }
    }
    Ok(bytes)
}

/// The scalars of a buffer.
fn from_bytes(types: &TypeTable, ty: TypeId, bytes: &[u8]) -> Vec<Number> {
    let (cells, stride) = (cells(types, ty), types.size_bytes(ty) as usize);
    bytes
        .chunks_exact(stride.max(1))
        .flat_map(|element| cells.iter().map(|&(scalar, offset)| decode(scalar, &element[offset..])))
        .collect()
}

/// A buffer of a run.
struct Buffer {
    name: String,
    element: TypeId,
    memory: Memory,
}

/// A launch with the buffers it works on.
struct Setup {
    launch: Launch,
    buffers: Vec<Buffer>,
}

fn compile_options(line: &Line) -> Result<CompileOptions, String> {
    let mut options = CompileOptions::default();
    match line.options.get("fast_math").map(String::as_str) {
        Some("off") => options.fast_math = false,
        Some("on") | None => {}
        Some(other) => return Err(format!("fast_math is `on` or `off`, not `{other}`")),
    }
    Ok(options)
}

fn run_options(line: &Line, threads: usize) -> Result<RunOptions, String> {
    let mut options = RunOptions { threads, ..RunOptions::default() };
    if let Some(budget) = line.options.get("budget") {
        options.max_instructions = Some(budget.parse().map_err(|_| "budget is a number")?);
    }
    options.exited_lanes = match line.options.get("exited").map(String::as_str) {
        None => ExitedLanes::Ignore,
        Some("error") => ExitedLanes::Error,
        Some("warn") => ExitedLanes::Warn,
        Some(other) => return Err(format!("exited is `error` or `warn`, not `{other}`")),
    };
    Ok(options)
}

fn function_constants(module: &Module, line: &Line) -> Result<FunctionConstants, String> {
    let mut constants = FunctionConstants::new();
    for (name, value) in &line.options {
        let Some(name) = name.strip_prefix("fc.") else { continue };
        let found = module.function_constants.iter().find(|constant| constant.name == name);
        let constant = found.ok_or_else(|| format!("there is no function constant `{name}`"))?;
        let bytes = to_bytes(&module.types, constant.ty, &parse::values(value)?)?;
        constants = constants.set_named(name, &bytes);
    }
    Ok(constants)
}

/// Names that are options, not parameters.
fn is_option(name: &str) -> bool {
    matches!(name, "grid" | "groups" | "group" | "fast_math" | "budget" | "exited") || name.starts_with("fc.")
}

fn check_names(program: &Program, line: &Line) -> Result<(), String> {
    for name in line.options.keys().filter(|name| !is_option(name)) {
        let base = name.strip_suffix(".offset").or_else(|| name.strip_suffix(".inline")).unwrap_or(name);
        if !program.params().iter().any(|param| param.name == base) {
            return Err(format!("`{name}` is no option and no parameter of `{}`", line.kernel));
        }
    }
    Ok(())
}

fn set_up(module: &Module, program: &Program, line: &Line) -> Result<Setup, String> {
    check_names(program, line)?;
    let group = line.options.get("group").map_or(Ok([32, 1, 1]), |text| parse::triple(text, 1))?;
    let grid = match (line.options.get("grid"), line.options.get("groups")) {
        (Some(threads), None) => Grid::Threads(parse::triple(threads, 1)?),
        (None, Some(groups)) => Grid::Threadgroups(parse::triple(groups, 1)?),
        _ => return Err("a run has either `grid` or `groups`".into()),
    };
    let mut setup = Setup { launch: Launch::new(grid, group), buffers: Vec::new() };
    for param in program.params() {
        let value = line.options.get(&param.name);
        match param.binding {
            Binding::Attribute(_) => {
                if value.is_some() {
                    return Err(format!("`{}` is an attribute", param.name));
                }
            }
            Binding::Threadgroup { index } => {
                let text = value.ok_or_else(|| format!("`{}` needs its number of bytes", param.name))?;
                let bytes = text.parse().map_err(|_| format!("`{text}` is no number of bytes"))?;
                setup.launch = setup.launch.threadgroup_memory(index, bytes);
            }
            Binding::Buffer { index, .. } => {
                let text = value
                    .ok_or_else(|| format!("`{}` is not bound; say `unbound` if it is not", param.name))?;
                bind(&mut setup, module, line, param.name.clone(), (param.ty, index), &parse::values(text)?)?;
            }
        }
    }
    Ok(setup)
}

fn bind(
    setup: &mut Setup,
    module: &Module,
    line: &Line,
    name: String,
    (ty, index): (TypeId, u32),
    values: &Values,
) -> Result<(), String> {
    let Type::Pointer { pointee: element, .. } = module.types.get(ty) else {
        return Err(format!("`{name}` is no buffer"));
    };
    if *values == Values::Unbound {
        return Ok(());
    }
    let bytes = to_bytes(&module.types, element, values).map_err(|e| format!("`{name}`: {e}"))?;
    let launch = std::mem::replace(&mut setup.launch, Launch::new(Grid::Threads([0; 3]), [1; 3]));
    if line.options.contains_key(&format!("{name}.inline")) {
        setup.launch = launch.bytes(index as usize, &bytes);
        return Ok(());
    }
    let offset = line.options.get(&format!("{name}.offset")).map_or(Ok(0), |text| text.parse());
    let offset_bytes = offset.map_err(|_| format!("`{name}.offset` is a number of bytes"))?;
    let memory = Memory::from_bytes(&bytes);
    setup.launch = launch.bind(index as usize, Bound::Buffer { memory: memory.clone(), offset_bytes });
    setup.buffers.push(Buffer { name, element, memory });
    Ok(())
}

/// Bytes that a run may log.
const LOG_BYTES: usize = 1 << 20;

/// How a run went: the bytes of all buffers, what was logged, and what came of it.
#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    bytes: Vec<Vec<u8>>,
    log: ShaderLog,
    result: Result<RunStats, Trap>,
}

fn execute(
    module: &Module,
    program: &Program,
    line: &Line,
    threads: usize,
) -> Result<(Setup, Outcome), String> {
    let setup = set_up(module, program, line)?;
    let mut log = ShaderLog::new(LogLevel::Debug, LOG_BYTES);
    let options = run_options(line, threads)?;
    let result = program.run_logged(&setup.launch, &options, &mut log).map_err(|trap| *trap);
    let bytes = setup.buffers.iter().map(|b| b.memory.to_vec::<u8>()).collect();
    Ok((setup, Outcome { bytes, log, result }))
}

/// Runs a line at every level of optimisation with several numbers of CPU threads; what differs from what it expects,
/// or from run to run, is the error.
pub(crate) fn check(name: &str, text: &str, line: &Line) -> Result<(), String> {
    let mut unoptimised = None;
    for level in OptimizationLevel::ALL {
        let outcome = check_at(level, name, text, line).map_err(|e| format!("at {}: {e}", level.name()))?;
        let expected = unoptimised.get_or_insert_with(|| outcome.clone());
        // A budget counts instructions, of which an optimised program executes fewer.
        let is_budget = matches!(&expected.result, Err(trap) if trap.kind == TrapKind::InstructionBudget);
        if outcome != *expected && !is_budget {
            let level = level.name();
            return Err(format!("at {level} comes to something else: {outcome:?}, not {expected:?}"));
        }
    }
    Ok(())
}

fn check_at(level: OptimizationLevel, name: &str, text: &str, line: &Line) -> Result<Outcome, String> {
    let options = CompileOptions { optimization_level: level, ..compile_options(line)? };
    let module = module(name, text, &options)?;
    let constants = function_constants(&module, line)?;
    let program = Program::new(&module, &line.kernel, &constants).map_err(|e| e.to_string())?;
    let (setup, outcome) = execute(&module, &program, line, 1)?;
    let result = &outcome.result;
    for threads in [2, 7] {
        let (_, other) = execute(&module, &program, line, threads)?;
        // After a trap threadgroups past the one that trapped may or may not have run.
        if other.result != *result || (result.is_ok() && other.bytes != outcome.bytes) {
            let other = other.result;
            return Err(format!("{threads} CPU threads come to something else: {other:?}, not {result:?}"));
        }
        if other.log != outcome.log {
            return Err(format!("{threads} CPU threads log {:?}, not {:?}", other.log, outcome.log));
        }
    }
    observed_run_agrees(&module, &program, line, &outcome.bytes, result)?;
    artifact_agrees(&module, line, &outcome)?;
    let expects_trap = line.expect.iter().any(|expect| matches!(expect, Expect::Trap { .. }));
    if let (Err(trap), false) = (result, expects_trap) {
        return Err(trap.to_string());
    }
    line.expect.iter().try_for_each(|expect| check_expectation(&module, expect, &setup, &outcome))?;
    Ok(outcome)
}

fn observed_run_agrees(
    module: &Module,
    program: &Program,
    line: &Line,
    bytes: &[Vec<u8>],
    result: &Result<RunStats, Trap>,
) -> Result<(), String> {
    let setup = set_up(module, program, line)?;
    let mut counters = Counters::default();
    let observed =
        program.run_observed(&setup.launch, &run_options(line, 2)?, &mut counters).map_err(|trap| *trap);
    let same = setup.buffers.iter().zip(bytes).all(|(buffer, bytes)| buffer.memory.to_vec::<u8>() == *bytes);
    let counted = observed.as_ref().map_or(true, |stats| counters.threadgroups == stats.threadgroups);
    if observed != *result || (observed.is_ok() && !same) || !counted {
        return Err("an observed run comes to something else".into());
    }
    Ok(())
}

/// A module that went through bytes must come to the same, traps and messages with their places included.
fn artifact_agrees(module: &Module, line: &Line, outcome: &Outcome) -> Result<(), String> {
    let artifact = artifact::encode(module, "").map_err(|e| e.to_string())?;
    let module = artifact::decode(&artifact).map_err(|e| e.to_string())?.module;
    let program = Program::new(&module, &line.kernel, &function_constants(&module, line)?);
    let (_, again) = execute(&module, &program.map_err(|e| e.to_string())?, line, 1)?;
    if again == *outcome { Ok(()) } else { Err("its artifact comes to something else".into()) }
}

fn check_expectation(
    module: &Module,
    expect: &Expect,
    setup: &Setup,
    Outcome { bytes, log, result }: &Outcome,
) -> Result<(), String> {
    match expect {
        Expect::Buffer { name, values, exact } => {
            let index = setup.buffers.iter().position(|buffer| buffer.name == *name);
            let index = index.ok_or_else(|| format!("there is no buffer `{name}`"))?;
            let element = setup.buffers[index].element;
            check_buffer(&module.types, element, name, &bytes[index], values, *exact)
        }
        Expect::Trap { kind, line, by } => {
            let Err(trap) = result else { return Err(format!("did not trap, {kind} was expected")) };
            let fits = trap.kind.name() == kind
                && line.is_none_or(|line| trap.location.line == line)
                && by.is_none_or(|by| trap.thread == by);
            if fits { Ok(()) } else { Err(format!("expected {expect:?}, got {}: {trap}", trap.kind.name())) }
        }
        Expect::Log(expect, open) => check_log(log.records(), expect, *open),
        Expect::Warns { line } => {
            let warnings = result.as_ref().map(|stats| stats.warnings.clone()).unwrap_or_default();
            let found = warnings.iter().any(|warning| warning.location.line == *line);
            if found { Ok(()) } else { Err(format!("no warning at line {line}, but {warnings:?}")) }
        }
    }
}

fn check_log(records: &[LogRecord], expect: &[String], open: bool) -> Result<(), String> {
    let shown = records.iter().map(|record| {
        let ([x, y, z], site) = (record.thread, &record.site);
        format!("{} {} ({x}, {y}, {z}): {}", site.location.line, site.level.mnemonic(), record.message)
    });
    let shown: Vec<String> = shown.collect();
    let fits = if open { shown.starts_with(expect) } else { shown == expect };
    if fits { Ok(()) } else { Err(format!("logged {shown:#?}, {expect:#?} is expected")) }
}

fn check_buffer(
    types: &TypeTable,
    element: TypeId,
    name: &str,
    bytes: &[u8],
    values: &Values,
    exact: bool,
) -> Result<(), String> {
    let got = from_bytes(types, element, bytes);
    // Through the bytes and back: what the type makes of the numbers.
    let expect = from_bytes(types, element, &to_bytes(types, element, values)?);
    let open = matches!(values, Values::List(_, true));
    if got.len() < expect.len() || (got.len() > expect.len() && !open) {
        return Err(format!("`{name}` has {} scalars, {} are expected", got.len(), expect.len()));
    }
    for (i, (got, expect)) in got.iter().zip(&expect).enumerate() {
        if !same(*got, *expect, exact) {
            return Err(format!("`{name}` scalar {i} is {got:?}, {expect:?} is expected"));
        }
    }
    Ok(())
}

fn same(got: Number, expect: Number, exact: bool) -> bool {
    let (Number::Float(a), Number::Float(b)) = (got, expect) else { return got == expect };
    if a.is_nan() || b.is_nan() || exact {
        return a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) || (a == b && b != 0.0);
    }
    a == b || (a - b).abs() <= 1e-5 * b.abs()
}
