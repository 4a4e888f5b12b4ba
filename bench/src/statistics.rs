//! Medians and quartiles: what is said of figures that scatter.

/// The middle of some figures, and how far they scatter.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) lower_quartile: f64,
    pub(crate) upper_quartile: f64,
}

impl Summary {
    /// Sums `figures` up; between two of them it goes in a straight line. All is 0 where there are
    /// none.
    pub(crate) fn of(figures: &[f64]) -> Self {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self {
            median: quantile(&sorted, 2),
            lower_quartile: quantile(&sorted, 1),
            upper_quartile: quantile(&sorted, 3),
        }
    }
}

/// The figure behind which `quarters` of four of the others are.
fn quantile(sorted: &[f64], quarters: usize) -> f64 {
    let steps = sorted.len().saturating_sub(1) * quarters;
    let at = |index: usize| sorted.get(index).copied();
    let low = at(steps / 4).unwrap_or_default();
    let high = at(steps / 4 + 1).unwrap_or(low);
    let part = [0.0, 0.25, 0.5, 0.75].get(steps % 4).copied();
    low + (high - low) * part.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(median: f64, lower_quartile: f64, upper_quartile: f64) -> Summary {
        Summary {
            median,
            lower_quartile,
            upper_quartile,
        }
    }

    #[test]
    fn figures_are_summed_up_in_any_order() {
        assert_eq!(
            Summary::of(&[9.0, 1.0, 5.0, 3.0, 7.0]),
            summary(5.0, 3.0, 7.0)
        );
        assert_eq!(Summary::of(&[4.0, 1.0, 2.0, 3.0]), summary(2.5, 1.75, 3.25));
    }

    #[test]
    fn few_figures_are_summed_up_too() {
        assert_eq!(Summary::of(&[]), Summary::default());
        assert_eq!(Summary::of(&[2.0]), summary(2.0, 2.0, 2.0));
        assert_eq!(Summary::of(&[2.0, 4.0]), summary(3.0, 2.5, 3.5));
    }

    #[test]
    fn one_figure_far_off_moves_the_median_little() {
        assert_eq!(
            Summary::of(&[1.0, 1.0, 1.0, 1.0, 26.0]),
            summary(1.0, 1.0, 1.0)
        );
    }
}
