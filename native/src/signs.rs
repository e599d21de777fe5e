//! Which of many stems occur in a text (A. Aho, M. Corasick, "Efficient string matching", 1975).

use std::collections::{HashMap, VecDeque};

const NONE: u32 = u32::MAX;

/// A next state whose lowest bit says that stems end there.
type Next = u16;

/// The bytes that occur in stems are numbered, so that the states that are met fit into the cache.
pub struct Signs {
    /// By byte: its number, 0 for one of no stem; and the same of what it is in lower case.
    classes: [u8; 256],
    lower: [u8; 256],
    /// For each state there is room for two to the power of this.
    class_bits: u32,
    /// For each state, the next one by the number of a byte.
    next: Vec<Next>,
    /// For each state, the stems that end there.
    ends: Vec<Vec<u32>>,
}

impl Signs {
    pub fn new(stems: &[&str]) -> Self {
        let mut classes = [0u8; 256];
        let mut class_count = 1usize;
        for byte in stems.iter().flat_map(|stem| stem.bytes()) {
            if classes[byte as usize] == 0 {
                classes[byte as usize] = class_count as u8;
                class_count += 1;
            }
        }
        let mut lower = classes;
        for byte in b'A'..=b'Z' {
            lower[byte as usize] = classes[byte.to_ascii_lowercase() as usize];
        }
        let (wide, ends) = automaton(stems, &classes, class_count);
        let marked = |state: u32| (state << 1 | u32::from(!ends[state as usize].is_empty())) as Next;
        let class_bits = class_count.next_power_of_two().ilog2();
        let mut next = vec![0; ends.len() << class_bits];
        for (at, state) in wide.iter().enumerate() {
            next[(at / class_count) << class_bits | at % class_count] = marked(*state);
        }
        Signs { classes, lower, class_bits, next, ends }
    }

    /// Returns the numbers of the stems that occur in a text, ascending, whatever its case.
    pub fn of(&self, text: &str) -> Vec<u32> {
        if text.is_ascii() {
            return self.found(text, &self.lower);
        }
        self.found(&text.to_lowercase(), &self.classes)
    }

    fn found(&self, text: &str, classes: &[u8; 256]) -> Vec<u32> {
        let mut found = Vec::new();
        let mut state = 0usize;
        let mut step = |byte: u8| {
            let at = state << self.class_bits | classes[byte as usize] as usize;
            // SAFETY: there is room for every class of each state, and no other state is a next one.
            let next = unsafe { *self.next.get_unchecked(at) };
            state = (next >> 1) as usize;
            if next & 1 == 1 {
                found.extend_from_slice(&self.ends[state]);
            }
        };
        let fours = text.as_bytes().chunks_exact(4);
        let rest = fours.remainder();
        for four in fours {
            // Written out: to count the bytes takes as long as to look at them.
            step(four[0]);
            step(four[1]);
            step(four[2]);
            step(four[3]);
        }
        rest.iter().for_each(|byte| step(*byte));
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Returns the next states by state and class, and which stems end where.
fn automaton(stems: &[&str], classes: &[u8; 256], count: usize) -> (Vec<u32>, Vec<Vec<u32>>) {
    let mut next = vec![NONE; count];
    let mut ends: Vec<Vec<u32>> = vec![Vec::new()];
    for (number, stem) in stems.iter().enumerate() {
        let mut state = 0usize;
        for byte in stem.bytes() {
            let at = state * count + classes[byte as usize] as usize;
            if next[at] == NONE {
                next[at] = ends.len() as u32;
                next.extend(std::iter::repeat_n(NONE, count));
                ends.push(Vec::new());
            }
            state = next[at] as usize;
        }
        ends[state].push(number as u32);
    }
    assert!(ends.len() <= usize::from(Next::MAX >> 1), "more states than a number holds");
    let mut fallback: HashMap<usize, usize> = HashMap::new();
    let mut queue = VecDeque::new();
    for slot in &mut next[..count] {
        match *slot {
            NONE => *slot = 0,
            state => {
                fallback.insert(state as usize, 0);
                queue.push_back(state as usize);
            }
        }
    }
    while let Some(state) = queue.pop_front() {
        let back = fallback[&state];
        let inherited = ends[back].clone();
        ends[state].extend(inherited);
        for class in 0..count {
            let beyond = next[back * count + class];
            match next[state * count + class] {
                NONE => next[state * count + class] = beyond,
                child => {
                    fallback.insert(child as usize, beyond as usize);
                    queue.push_back(child as usize);
                }
            }
        }
    }
    (next, ends)
}
