//! The text of a run.

use std::collections::BTreeMap;

/// A number as written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Number::Int(n) => n as f64,
            Number::Float(x) => x,
        }
    }

    pub(crate) fn as_i128(self) -> i128 {
        match self {
            Number::Int(n) => n,
            Number::Float(x) => x as i128,
        }
    }
}

/// What a parameter is bound to, or what is expected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    /// Numbers, and whether more may follow.
    List(Vec<Number>, bool),
    /// So many elements of zero.
    Zeros(usize),
    /// So many elements, each scalar with this value.
    Fill(usize, Number),
    Unbound,
}

/// What a run must come to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expect {
    Buffer {
        name: String,
        values: Values,
        exact: bool,
    },
    Trap {
        kind: String,
        line: Option<u32>,
        by: Option<[u32; 3]>,
    },
    Warns {
        line: u32,
    },
    /// Records as `line level (thread): text`, and whether more may follow.
    Log(Vec<String>, bool),
}

/// A run line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub(crate) kernel: String,
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) expect: Vec<Expect>,
}

/// Parses what follows `// run:`.
pub(crate) fn line(text: &str) -> Result<Line, String> {
    let (call, expect) = text.split_once("=>").ok_or("a run has `=>`")?;
    let call = call.trim();
    let (kernel, args) = call.split_once('(').ok_or("a run is `kernel(…)`")?;
    let args = args.strip_suffix(')').ok_or("the arguments end with `)`")?;
    let mut options = BTreeMap::new();
    for arg in split_outside_brackets(args) {
        let (name, value) = arg.split_once('=').ok_or_else(|| format!("`{arg}` is not `name = value`"))?;
        // `a..=b` has an `=` too, but never first.
        let (name, value) = (name.trim().to_string(), value.trim().to_string());
        if options.insert(name.clone(), value).is_some() {
            return Err(format!("`{name}` is given twice"));
        }
    }
    let expect =
        split_outside_brackets(expect).into_iter().map(expectation).collect::<Result<Vec<_>, _>>()?;
    if expect.is_empty() {
        return Err("a run expects something".into());
    }
    Ok(Line { kernel: kernel.trim().into(), options, expect })
}

/// Parts between commas that are in no brackets or quotes.
fn split_outside_brackets(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0i32, 0, Vec::new());
    let mut in_quotes = false;
    for (i, c) in text.char_indices() {
        in_quotes ^= c == '"';
        match c {
            _ if in_quotes => {}
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn expectation(text: &str) -> Result<Expect, String> {
    if let Some(rest) = text.strip_prefix("trap ") {
        return trap(rest);
    }
    if let Some(rest) = text.strip_prefix("warns ") {
        return Ok(Expect::Warns { line: rest.trim().parse().map_err(|_| "`warns` takes a line")? });
    }
    if let Some(rest) = text.strip_prefix("log == ") {
        return log(rest);
    }
    for (mark, exact) in [("==", true), ("~=", false)] {
        if let Some((name, value)) = text.split_once(mark) {
            return Ok(Expect::Buffer { name: name.trim().into(), values: values(value)?, exact });
        }
    }
    Err(format!("`{text}` is no expectation"))
}

fn log(text: &str) -> Result<Expect, String> {
    let inner = text.trim().strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let mut parts = split_outside_brackets(inner.ok_or("`log` takes a list")?);
    let open = parts.last() == Some(&"..");
    if open {
        parts.pop();
    }
    let unquoted = |part: &str| -> Result<String, String> {
        let inner = part.strip_prefix('"').and_then(|part| part.strip_suffix('"'));
        Ok(inner.ok_or_else(|| format!("`{part}` is not in quotes"))?.to_owned())
    };
    Ok(Expect::Log(parts.into_iter().map(unquoted).collect::<Result<_, _>>()?, open))
}

fn trap(text: &str) -> Result<Expect, String> {
    let (text, by) = match text.split_once(" by ") {
        Some((rest, by)) => (rest, Some(triple(by, 0)?)),
        None => (text, None),
    };
    let (kind, line) = match text.split_once(" at ") {
        Some((kind, line)) => (kind, Some(line.trim().parse().map_err(|_| "`at` takes a line")?)),
        None => (text, None),
    };
    Ok(Expect::Trap { kind: kind.trim().into(), line, by })
}

/// One to three numbers, filled up.
pub(crate) fn triple(text: &str, fill: u32) -> Result<[u32; 3], String> {
    let text = text.trim();
    let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(text);
    let mut out = [fill; 3];
    let parts: Vec<&str> = inner.split(',').collect();
    if parts.len() > 3 {
        return Err(format!("`{text}` has more than three numbers"));
    }
    for (slot, part) in out.iter_mut().zip(parts) {
        *slot = part.trim().parse().map_err(|_| format!("`{text}` is not one to three numbers"))?;
    }
    Ok(out)
}

fn number(text: &str) -> Result<Number, String> {
    let text = text.trim();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    if let Some(hex) = digits.strip_prefix("0x") {
        let value = i128::from_str_radix(hex, 16).map_err(|_| format!("`{text}` is no number"))?;
        return Ok(Number::Int(sign * value));
    }
    if let Ok(int) = text.parse() {
        return Ok(Number::Int(int));
    }
    text.parse().map(Number::Float).map_err(|_| format!("`{text}` is no number"))
}

/// Parses the values of a buffer.
pub(crate) fn values(text: &str) -> Result<Values, String> {
    let text = text.trim();
    let count = |text: &str| text.trim().parse::<usize>().map_err(|_| format!("`{text}` is no count"));
    if text == "unbound" {
        return Ok(Values::Unbound);
    }
    if let Some(inner) = text.strip_prefix("zeros(").and_then(|t| t.strip_suffix(')')) {
        return Ok(Values::Zeros(count(inner)?));
    }
    if let Some(inner) = text.strip_prefix("fill(").and_then(|t| t.strip_suffix(')')) {
        let (n, value) = inner.split_once(',').ok_or("`fill` takes a count and a value")?;
        return Ok(Values::Fill(count(n)?, number(value)?));
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        let mut parts: Vec<&str> = inner.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        let open = parts.last() == Some(&"..");
        if open {
            parts.pop();
        }
        return Ok(Values::List(parts.into_iter().map(number).collect::<Result<_, _>>()?, open));
    }
    if let Some((start, end)) = text.split_once("..") {
        let (end, past) = end.strip_prefix('=').map_or((end, 0), |end| (end, 1));
        let (start, end) = (number(start)?.as_i128(), number(end)?.as_i128() + past);
        return Ok(Values::List((start..end).map(Number::Int).collect(), false));
    }
    Ok(Values::List(vec![number(text)?], false))
}
