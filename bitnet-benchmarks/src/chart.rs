//! Charts as inline SVG: times over sizes, both on logarithmic axes.

use std::fmt::Write;

/// A line of a chart.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Its name, for the legend.
    pub(crate) name: String,
    /// The class that the page's style sheet colours it by.
    pub(crate) class: String,
    /// (size, seconds), all above zero.
    pub(crate) points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 38.0;

/// A logarithmic axis from one power of ten to another, onto pixels.
struct Axis {
    first: i32,
    last: i32,
    from: f64,
    to: f64,
}

impl Axis {
    /// Over the powers of ten that hold all values.
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (least, most) = values.fold((f64::MAX, f64::MIN_POSITIVE), |(a, b), v| (a.min(v), b.max(v)));
        let first = least.min(most).log10().floor() as i32;
        Self { first, last: (most.log10().ceil() as i32).max(first + 1), from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let part = (value.log10() - f64::from(self.first)) / f64::from(self.last - self.first);
        self.from + part * (self.to - self.from)
    }

    /// Exponents to be written, at most six or so.
    fn ticks(&self) -> impl Iterator<Item = i32> {
        let step = (self.last - self.first) as usize / 6 + 1;
        (self.first..=self.last).step_by(step)
    }
}

/// A chart of lines; `None` unless one of them has two points.
pub(crate) fn svg(lines: &[Line], extent: &str) -> Option<String> {
    if lines.iter().all(|line| line.points.len() < 2) {
        return None;
    }
    let points = || lines.iter().flat_map(|line| &line.points);
    let x = Axis::over(points().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let y = Axis::over(points().map(|point| point.1), HEIGHT - BOTTOM, TOP);
    let mut svg = format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="time over size">"#);
    draw_axes(&mut svg, &x, &y, extent);
    for (place, line) in lines.iter().enumerate() {
        draw_line(&mut svg, line, place, &x, &y);
    }
    svg.push_str("</svg>");
    Some(svg)
}

fn draw_axes(svg: &mut String, x: &Axis, y: &Axis, extent: &str) {
    for exponent in x.ticks() {
        let at = x.at(10f64.powi(exponent));
        push(svg, format_args!(r#"<path class="grid" d="M{at:.1} {TOP}V{:.1}"/>"#, HEIGHT - BOTTOM));
        let (label, below) = (size_label(exponent), HEIGHT - BOTTOM + 14.0);
        push(svg, format_args!(r#"<text x="{at:.1}" y="{below}" text-anchor="middle">{label}</text>"#));
    }
    for exponent in y.ticks() {
        let at = y.at(10f64.powi(exponent));
        push(svg, format_args!(r#"<path class="grid" d="M{LEFT} {at:.1}H{:.1}"/>"#, WIDTH - RIGHT));
        let (label, beside) = (time_label(exponent), LEFT - 6.0);
        push(svg, format_args!(r#"<text x="{beside}" y="{:.1}" text-anchor="end">{label}</text>"#, at + 4.0));
    }
    let (middle, bottom) = ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6.0);
    let extent = escape(extent);
    push(svg, format_args!(r#"<text x="{middle}" y="{bottom}" text-anchor="middle">{extent}</text>"#));
}

fn draw_line(svg: &mut String, line: &Line, place: usize, x: &Axis, y: &Axis) {
    let (class, name) = (escape(&line.class), escape(&line.name));
    let places: Vec<String> =
        line.points.iter().map(|point| format!("{:.1},{:.1}", x.at(point.0), y.at(point.1))).collect();
    push(svg, format_args!(r#"<polyline class="{class}" points="{}"/>"#, places.join(" ")));
    for point in &line.points {
        let (cx, cy) = (x.at(point.0), y.at(point.1));
        push(svg, format_args!(r#"<circle class="{class}" cx="{cx:.1}" cy="{cy:.1}" r="2.5"/>"#));
    }
    let (from, at) = (LEFT + 110.0 * place as f64, TOP - 12.0);
    push(svg, format_args!(r#"<path class="{class}" d="M{from} {at}h18"/>"#));
    push(svg, format_args!(r#"<text x="{}" y="{}">{name}</text>"#, from + 23.0, at + 4.0));
}

/// Writing to a `String` cannot fail.
fn push(svg: &mut String, what: std::fmt::Arguments<'_>) {
    svg.write_fmt(what).expect("a String takes what is written to it");
}

fn size_label(exponent: i32) -> String {
    prefixed(exponent, 0, &["", "k", "M", "G", "T"]).unwrap_or_else(|| format!("1e{exponent}"))
}

fn time_label(exponent: i32) -> String {
    prefixed(exponent, 9, &[" ns", " µs", " ms", " s"]).unwrap_or_else(|| format!("1e{exponent} s"))
}

/// 10^exponent with a unit for each three powers, the first for 10^−offset.
fn prefixed(exponent: i32, offset: i32, units: &[&str]) -> Option<String> {
    let above = usize::try_from(exponent + offset).ok()?;
    Some(format!("{}{}", 10u32.pow((above % 3) as u32), units.get(above / 3)?))
}

/// Text as it may stand in HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_prefixes() {
        for (exponent, size, time) in [
            (-9, "1e-9", "1 ns"),
            (-4, "1e-4", "100 µs"),
            (0, "1", "1 s"),
            (2, "100", "100 s"),
            (4, "10k", "1e4 s"),
        ] {
            assert_eq!((size_label(exponent).as_str(), time_label(exponent).as_str()), (size, time));
        }
    }

    #[test]
    fn points_lie_between_the_axes() {
        let line = |points: &[(f64, f64)]| Line {
            name: "a<b".to_owned(),
            class: "one".to_owned(),
            points: points.to_vec(),
        };
        assert_eq!(svg(&[line(&[(1.0, 1.0)])], "bytes"), None, "one point is no line");
        let chart = svg(&[line(&[(1e3, 1e-6), (1e6, 1e-3)])], "bytes").expect("two points are a line");
        let corners = format!("{LEFT:.1},{:.1} {:.1},{TOP:.1}", HEIGHT - BOTTOM, WIDTH - RIGHT);
        assert!(chart.contains(&format!(r#"points="{corners}""#)), "{chart}");
        assert!(chart.contains("a&lt;b") && !chart.contains("a<b"), "{chart}");
    }
}
