//! The ratios as bars, an SVG: a group for each case and a bar for each server, cut off where it is
//! too long and with its number at the end.

use std::{error::Error, io, path::Path};

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{
    entries,
    results::{CaseResults, EntryResults},
};

/// Draws the ratios of `cases`.
pub(crate) fn write(path: &Path, cases: &[CaseResults]) -> io::Result<()> {
    let bars: usize = cases.iter().map(|case| case.entries.len() - 1).sum();
    let height = TOP + count(cases.len()) * GROUP_GAP + count(bars) * BAR + MARGIN;
    let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
    let area = SVGBackend::new(path, size).into_drawing_area();
    draw(&area, cases, height).map_err(|error| io::Error::other(error.to_string()))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw(area: &Area<'_>, cases: &[CaseResults], height: i32) -> Result<(), Box<dyn Error>> {
    area.fill(&WHITE)?;
    let title = "Cost beside bare TCP, which is the line at 1.0: shorter is better";
    text(area, title, (MARGIN, MARGIN), 20, HPos::Left)?;
    let mut y = TOP;
    for step in 0..=SCALE_STEPS {
        let ratio = f64::from(step) * MOST / f64::from(SCALE_STEPS);
        let (x, line) = (x(ratio), [(x(ratio), TOP), (x(ratio), height - MARGIN)]);
        let color = if ratio == 1.0 { BLACK } else { GRID };
        area.draw(&PathElement::new(line, color.stroke_width(1)))?;
        text(
            area,
            &format!("{ratio:.1}"),
            (x, TOP - 14),
            12,
            HPos::Center,
        )?;
    }
    for case in cases {
        text(area, &case.title, (MARGIN, y + 9), 17, HPos::Left)?;
        y += GROUP_GAP;
        for entry in case.entries.iter().skip(1) {
            bar(area, entry, case.ratio(entry), y)?;
            y += BAR;
        }
    }
    area.present()?;
    Ok(())
}

fn bar(area: &Area<'_>, entry: &EntryResults, ratio: f64, y: i32) -> Result<(), Box<dyn Error>> {
    let color = match entry.name.as_str() {
        name if name == entries::DRAFT76.name => RGBColor(11, 94, 168),
        name if name.starts_with("ws76") => RGBColor(120, 178, 226),
        _ => RGBColor(190, 190, 190),
    };
    let end = x(ratio.min(MOST));
    text(area, &entry.label, (x(0.0) - 6, y + 3), 14, HPos::Right)?;
    area.draw(&Rectangle::new(
        [(x(0.0), y + 2), (end, y + BAR - 1)],
        color.filled(),
    ))?;
    let number = match ratio > MOST {
        true => format!("{ratio:.1} →"),
        false => format!("{ratio:.2}"),
    };
    text(area, &number, (end + 5, y + 3), 14, HPos::Left)
}

fn text(
    area: &Area<'_>,
    text: &str,
    position: (i32, i32),
    size: i32,
    anchor: HPos,
) -> Result<(), Box<dyn Error>> {
    let style = TextStyle::from(("sans-serif", size).into_font());
    let style = style.pos(Pos::new(anchor, VPos::Top)).color(&BLACK);
    area.draw(&Text::new(text, position, style))?;
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a ratio is at most MOST, and not negative"
)]
fn x(ratio: f64) -> i32 {
    LABELS + (ratio * f64::from(WIDTH - LABELS - NUMBERS) / MOST) as i32
}

fn count(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(i32::MAX)
}

/// What a bar is cut off at, and the steps of the scale up to there.
const MOST: f64 = 3.0;
const SCALE_STEPS: i32 = 6;

const WIDTH: i32 = 900;
const MARGIN: i32 = 14;
/// Above the bars: the title and the scale.
const TOP: i32 = 62;
/// Left of the bars: who it is.
const LABELS: i32 = 230;
/// Right of the bars: numbers.
const NUMBERS: i32 = 70;
const BAR: i32 = 16;
const GROUP_GAP: i32 = 28;
const GRID: RGBColor = RGBColor(215, 215, 215);
