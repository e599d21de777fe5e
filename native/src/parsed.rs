//! The values that JSON texts of a run are. Two look at them: what is asked of payloads and what
//! the run looks like. Each text is read once where the memory of a run has room for its value.

use std::mem::transmute;
use std::ops::Deref;

use crate::json::{self, Value};
use crate::quick::QuickMap;
use crate::scratch::{has_room, leave};

/// By where a text lies and its size: the value that it is, `None` where it is no JSON.
#[derive(Default)]
pub struct Parsed(QuickMap<(usize, usize), Option<&'static Value<'static>>>);

/// A value that is kept until the run is done, or one that goes when it was looked at.
pub enum Held<'t> {
    Kept(&'t Value<'t>),
    Own(Value<'t>),
}

impl<'t> Deref for Held<'t> {
    type Target = Value<'t>;

    fn deref(&self) -> &Value<'t> {
        match self {
            Held::Kept(value) => value,
            Held::Own(value) => value,
        }
    }
}

impl Held<'_> {
    /// Lets go of a value that is not needed any more.
    pub fn leave(self) {
        if let Held::Own(value) = self {
            leave(value);
        }
    }
}

impl Parsed {
    /// Returns the value of a text, `None` where it is no JSON.
    ///
    /// # Safety
    /// The text is part of the run's spans, or of a value that was returned.
    pub unsafe fn of<'t>(&mut self, text: &'t str) -> Option<Held<'t>> {
        let place = (text.as_ptr() as usize, text.len());
        if let Some(known) = self.0.get(&place) {
            return known.map(Held::Kept);
        }
        let value = json::parse(text);
        if !has_room() {
            return value.map(Held::Own);
        }
        // SAFETY: as there was room, the value lies in the region and so does the text, if not in a
        // span: nothing of these goes, or gives its place to others, before the run is done.
        let kept = value.map(|value| unsafe {
            transmute::<&Value<'_>, &'static Value<'static>>(Box::leak(Box::new(value)))
        });
        self.0.insert(place, kept);
        kept.map(Held::Kept)
    }
}
