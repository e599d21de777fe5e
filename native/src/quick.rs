//! Hashing and searching where a run's own text is both the question and the haystack.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

const LANES: usize = 4;
const PAIR_BYTES: usize = 16;
const FOLD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A hash by folded multiplication (as in wyhash). Its seed is set once in a process, so that
/// nobody outside can choose texts that collide.
#[derive(Clone)]
pub struct Quick(u64);

impl Quick {
    /// Takes in two numbers at once. Neither factor is known outside.
    #[inline]
    pub fn pair(&mut self, one: u64, other: u64) {
        let factor = FOLD ^ self.0.rotate_left(32) ^ other;
        let wide = u128::from(self.0 ^ one) * u128::from(factor);
        self.0 = ((wide as u64) ^ ((wide >> 64) as u64)).wrapping_add(FOLD);
    }

    /// Takes in whole blocks, side by side as each step waits for the one before; returns the rest.
    #[inline(never)]
    fn mix_long<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let mut lanes: [Quick; LANES] =
            std::array::from_fn(|lane| Quick(self.0 ^ FOLD.rotate_left(8 * lane as u32)));
        let mut blocks = bytes.chunks_exact(LANES * PAIR_BYTES);
        for block in &mut blocks {
            for (lane, pair) in lanes.iter_mut().zip(block.chunks_exact(PAIR_BYTES)) {
                lane.pair(eight(pair), eight(&pair[8..]));
            }
        }
        self.pair(lanes[0].0, lanes[1].0);
        self.pair(lanes[2].0, lanes[3].0);
        blocks.remainder()
    }
}

#[inline]
pub fn eight(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"))
}

fn four(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"))
}

/// Reads fewer than eight bytes without a loop: some of them twice, to the same places.
#[inline]
pub fn few(bytes: &[u8]) -> u64 {
    let size = bytes.len();
    let one = |at: usize| u64::from(bytes[at]) << (8 * at);
    match size {
        0 => 0,
        1..4 => one(0) | one(size / 2) | one(size - 1),
        _ => u64::from(four(bytes)) | u64::from(four(&bytes[size - 4..])) << (8 * (size - 4)),
    }
}

fn seed() -> u64 {
    use std::hash::BuildHasher;
    use std::sync::OnceLock;
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| std::collections::hash_map::RandomState::new().hash_one(0u8))
}

impl Default for Quick {
    fn default() -> Self {
        Quick(seed())
    }
}

impl Hasher for Quick {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut tail = if bytes.len() < 2 * LANES * 8 { bytes } else { self.mix_long(bytes) };
        while tail.len() >= PAIR_BYTES {
            self.pair(eight(tail), eight(&tail[8..]));
            tail = &tail[PAIR_BYTES..];
        }
        // The number of all bytes is where no byte of the tail can be.
        let size = (bytes.len() as u64) << 56;
        if tail.len() >= 8 {
            self.pair(eight(tail), few(&tail[8..]) ^ size);
        } else {
            self.pair(few(tail) ^ size, 1);
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.pair(u64::from(value), 0);
    }

    fn write_u64(&mut self, value: u64) {
        self.pair(value, 0);
    }

    fn write_usize(&mut self, value: usize) {
        self.pair(value as u64, 0);
    }

    fn write_i64(&mut self, value: i64) {
        self.pair(value as u64, 0);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Takes a hash as what it is: it need not be hashed again to be looked up.
#[derive(Default)]
pub struct Same(u64);

impl Hasher for Same {
    fn write(&mut self, bytes: &[u8]) {
        let mut hasher = Quick(self.0);
        hasher.write(bytes);
        self.0 = hasher.finish();
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// By the hashes of something.
pub type HashedMap<V> = HashMap<u64, V, BuildHasherDefault<Same>>;
pub type HashedSet = HashSet<u64, BuildHasherDefault<Same>>;

type Build = BuildHasherDefault<Quick>;
pub type QuickMap<K, V> = HashMap<K, V, Build>;
pub type QuickSet<K> = HashSet<K, Build>;

/// Returns a text's hash in this process.
pub fn hash_of(text: &str) -> u64 {
    let mut hasher = Quick::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

const GRAM: usize = 4;
const MAX_PROBES: usize = 16;

/// Where four-byte windows first occur in a text that grows: what has one that occurs nowhere need
/// not be searched for, and nothing needs to be searched for before the first place of any.
pub struct Grams {
    /// By the hash of a window: one more than where the first of them is, 0 where there is none.
    firsts: Vec<u32>,
    shift: u32,
}

impl Grams {
    /// Makes one of 2 to the power of `size` places.
    pub fn new(size: u32) -> Self {
        Grams { firsts: vec![0; 1 << size], shift: 32 - size }
    }

    fn slot(&self, window: u32) -> usize {
        (window.wrapping_mul(0x9e37_79b1) >> self.shift) as usize
    }

    /// Adds a text that begins at a place.
    pub fn add(&mut self, text: &str, start: usize) {
        let bytes = text.as_bytes();
        let mut at = 0;
        // Each window but the last few is part of eight bytes with three others.
        while at + 8 <= bytes.len() {
            let many = eight(&bytes[at..]);
            for within in 0..GRAM {
                self.note((many >> (8 * within)) as u32, start + at + within);
            }
            at += GRAM;
        }
        while at + GRAM <= bytes.len() {
            self.note(four(&bytes[at..]), start + at);
            at += 1;
        }
    }

    #[inline(always)]
    fn note(&mut self, window: u32, place: usize) {
        let slot = self.slot(window);
        // SAFETY: the shift leaves a slot as many bits as number the places.
        let first = unsafe { self.firsts.get_unchecked_mut(slot) };
        if *first == 0 {
            *first = place as u32 + 1;
        }
    }

    /// Returns a place before which a text does not occur, `None` where it occurs nowhere.
    pub fn first(&self, text: &str) -> Option<usize> {
        let bytes = text.as_bytes();
        if bytes.len() < GRAM {
            return Some(0);
        }
        let last = bytes.len() - GRAM;
        let step = (last / MAX_PROBES).max(1);
        let mut least = 0;
        for from in (0..=last).step_by(step).chain([last]) {
            let first = self.firsts[self.slot(four(&bytes[from..]))] as usize;
            if first == 0 {
                return None;
            }
            least = least.max((first - 1).saturating_sub(from));
        }
        Some(least)
    }
}

/// Returns where a text first occurs in another one.
pub fn find(text: &str, wanted: &str) -> Option<usize> {
    find_bytes(text.as_bytes(), wanted.as_bytes())
}

/// Of a longer text a part is looked for first, as to prepare the search for all of it takes longer.
const PART_BYTES: usize = 32;
const MAX_PARTS_COUNT: usize = 16;

/// Returns where some bytes first occur in others.
pub fn find_bytes(hay: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.len() < 2 * PART_BYTES {
        return search(hay, needle);
    }
    let before = (needle.len() - PART_BYTES) / 2;
    let part = &needle[before..before + PART_BYTES];
    let mut from = 0;
    // So often at most: the time it takes must not grow with both sizes.
    for _ in 0..MAX_PARTS_COUNT {
        from += search(hay.get(from + before..)?, part)?;
        if hay[from..].starts_with(needle) {
            return Some(from);
        }
        from += 1;
    }
    search(&hay[from..], needle).map(|at| from + at)
}

fn search(hay: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() || needle.len() > hay.len() {
        return None;
    }
    #[cfg(unix)]
    {
        extern "C" {
            fn memmem(
                hay: *const u8,
                hay_len: usize,
                needle: *const u8,
                needle_len: usize,
            ) -> *const u8;
        }
        // SAFETY: both ranges are live slices; memmem only reads them.
        let at = unsafe { memmem(hay.as_ptr(), hay.len(), needle.as_ptr(), needle.len()) };
        (!at.is_null()).then(|| at as usize - hay.as_ptr() as usize)
    }
    #[cfg(not(unix))]
    hay.windows(needle.len()).position(|window| window == needle)
}
