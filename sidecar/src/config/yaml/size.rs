//! What a document amounts to when each alias is counted with all that it stands for.

/// So many values may there be, each alias counted with all that it stands for. The largest configuration that is
/// taken, 100,000 users with labels and as many rules, has about 1,300,000.
const MAX_VALUES: u64 = 2_000_000;

/// So many bytes may their texts have together: twice what a file may have.
const MAX_TEXT: u64 = 64 << 20;

/// What a value amounts to.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    pub(super) values: u64,
    /// Bytes.
    pub(super) text: u64,
    /// How many lists and maps stand in each other.
    pub(super) depth: usize,
}

/// What was read so far.
#[derive(Default)]
pub(super) struct Total {
    values: u64,
    text: u64,
}

impl Size {
    /// Of a list or map with nothing in it so far.
    pub(super) const COLLECTION: Self = Self {
        values: 1,
        text: 0,
        depth: 1,
    };

    pub(super) fn of_text(text: &str) -> Self {
        Self {
            values: 1,
            text: text.len().try_into().unwrap_or(u64::MAX),
            depth: 0,
        }
    }

    /// Adds what stands in a list or map.
    pub(super) fn add(&mut self, part: Self) {
        self.values = self.values.saturating_add(part.values);
        self.text = self.text.saturating_add(part.text);
        self.depth = self.depth.max(part.depth.saturating_add(1));
    }
}

impl Total {
    /// Counts a value, or says what of there is too much now.
    pub(super) fn count(&mut self, size: Size) -> Result<(), String> {
        self.values = self.values.saturating_add(size.values);
        self.text = self.text.saturating_add(size.text);
        if self.values > MAX_VALUES {
            return Err(format!("{MAX_VALUES} values"));
        }
        if self.text > MAX_TEXT {
            return Err(format!("{} MiB of text", MAX_TEXT >> 20));
        }
        Ok(())
    }
}
