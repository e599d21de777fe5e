//! Sixteen bytes looked at side by side. What a machine has no instructions for is done byte by byte.

use crate::quick::{eight, few};

pub const WIDTH: usize = 16;

#[cfg(target_arch = "x86_64")]
mod machine {
    use std::arch::x86_64::*;

    /// Sixteen bytes, or for each of them whether something is true.
    #[derive(Clone, Copy)]
    pub struct Wide(__m128i);

    // SAFETY (of all below): every x86-64 machine has these instructions, and `of` checks its size.
    impl Wide {
        #[inline(always)]
        pub fn of(bytes: &[u8]) -> Wide {
            let bytes = &bytes[..super::WIDTH];
            Wide(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
        }

        #[inline(always)]
        fn all(byte: u8) -> __m128i {
            unsafe { _mm_set1_epi8(byte as i8) }
        }

        /// Which are this byte.
        #[inline(always)]
        pub fn is(self, byte: u8) -> Wide {
            Wide(unsafe { _mm_cmpeq_epi8(self.0, Self::all(byte)) })
        }

        /// Which are between two bytes, both included.
        #[inline(always)]
        pub fn within(self, first: u8, last: u8) -> Wide {
            let above = unsafe { _mm_sub_epi8(self.0, Self::all(first)) };
            let most = unsafe { _mm_min_epu8(above, Self::all(last - first)) };
            Wide(unsafe { _mm_cmpeq_epi8(above, most) })
        }

        /// The bytes with a bit set in each: that of lower case makes letters alike.
        #[inline(always)]
        pub fn with(self, bit: u8) -> Wide {
            Wide(unsafe { _mm_or_si128(self.0, Self::all(bit)) })
        }

        #[inline(always)]
        pub fn or(self, other: Wide) -> Wide {
            Wide(unsafe { _mm_or_si128(self.0, other.0) })
        }

        #[inline(always)]
        pub fn and(self, other: Wide) -> Wide {
            Wide(unsafe { _mm_and_si128(self.0, other.0) })
        }

        /// The highest bit of each byte, that of the first one lowest.
        #[inline(always)]
        pub fn bits(self) -> u32 {
            unsafe { _mm_movemask_epi8(self.0) as u32 }
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod machine {
    use std::array::from_fn;

    /// Sixteen bytes, or for each of them whether something is true.
    #[derive(Clone, Copy)]
    pub struct Wide([u8; super::WIDTH]);

    impl Wide {
        pub fn of(bytes: &[u8]) -> Wide {
            Wide(bytes[..super::WIDTH].try_into().expect("as many bytes"))
        }

        /// Which are this byte.
        pub fn is(self, byte: u8) -> Wide {
            self.within(byte, byte)
        }

        /// Which are between two bytes, both included.
        pub fn within(self, first: u8, last: u8) -> Wide {
            let is_in = |byte: u8| byte.wrapping_sub(first) <= last - first;
            Wide(self.0.map(|byte| if is_in(byte) { 0xff } else { 0 }))
        }

        /// The bytes with a bit set in each: that of lower case makes letters alike.
        pub fn with(self, bit: u8) -> Wide {
            Wide(self.0.map(|byte| byte | bit))
        }

        pub fn or(self, other: Wide) -> Wide {
            Wide(from_fn(|at| self.0[at] | other.0[at]))
        }

        pub fn and(self, other: Wide) -> Wide {
            Wide(from_fn(|at| self.0[at] & other.0[at]))
        }

        /// The highest bit of each byte, that of the first one lowest.
        pub fn bits(self) -> u32 {
            self.0.iter().rev().fold(0, |bits, byte| bits << 1 | u32::from(byte >> 7))
        }
    }
}

pub use machine::Wide;

/// The highest bit of each of eight bytes.
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Tells whether all bytes are ASCII.
pub fn is_ascii(bytes: &[u8]) -> bool {
    let size = bytes.len();
    if size < WIDTH {
        let all = if size < 8 { few(bytes) } else { eight(bytes) | eight(&bytes[size - 8..]) };
        return all & HIGH == 0;
    }
    let mut at = 0;
    while at + 4 * WIDTH <= size {
        let wide = |step: usize| Wide::of(&bytes[at + step * WIDTH..]);
        if wide(0).or(wide(1)).or(wide(2).or(wide(3))).bits() != 0 {
            return false;
        }
        at += 4 * WIDTH;
    }
    while at + WIDTH <= size {
        if Wide::of(&bytes[at..]).bits() != 0 {
            return false;
        }
        at += WIDTH;
    }
    Wide::of(&bytes[size - WIDTH..]).bits() == 0
}

/// Tells whether one of the bytes is a decimal digit.
pub fn has_digit(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while rest.len() >= WIDTH {
        if Wide::of(rest).within(b'0', b'9').bits() != 0 {
            return true;
        }
        rest = &rest[WIDTH..];
    }
    // Of a longer text the last bytes were in part looked at: that is no matter.
    if bytes.len() >= WIDTH {
        return Wide::of(&bytes[bytes.len() - WIDTH..]).within(b'0', b'9').bits() != 0;
    }
    rest.iter().any(u8::is_ascii_digit)
}
