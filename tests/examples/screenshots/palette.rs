//! Makes pictures small: a PNG with all colours becomes one with a palette. Pages have few colours, and those that lack an entry
//! are edges of letters, whose nearest neighbour nobody can tell from them.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};

use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

/// What every PNG begins with.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// The most colours of a palette.
const MAX_COLOURS: usize = 256;

type Colour = [u8; 3];

/// Rewrites a PNG of 8 bits a channel, as browsers make them, with a palette.
pub(crate) fn shrink(png: &[u8]) -> Vec<u8> {
    let chunks = chunks(png);
    let header = chunks.iter().find(|(name, _)| name == b"IHDR").unwrap().1;
    let number = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
    let (width, height) = (number(0) as usize, number(4) as usize);
    let channels = match (header[8], header[9]) {
        (8, 2) => 3,
        (8, 6) => 4,
        other => panic!("a PNG of another kind: {other:?}"),
    };
    let packed: Vec<u8> =
        chunks.iter().filter(|(name, _)| name == b"IDAT").flat_map(|(_, data)| data.iter().copied()).collect();
    let mut lines = Vec::new();
    ZlibDecoder::new(&*packed).read_to_end(&mut lines).unwrap();
    let pixels = unfilter(&lines, width * channels, channels);
    let colours: Vec<Colour> = pixels.chunks_exact(channels).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let (palette, entries) = reduce(&colours);
    let mut body = Vec::with_capacity((width + 1) * height);
    for line in colours.chunks_exact(width) {
        body.push(0);
        body.extend(line.iter().map(|colour| entries[colour]));
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&body).unwrap();
    let mut header = header.to_vec();
    header[9] = 3;
    let mut written = SIGNATURE.to_vec();
    write_chunk(&mut written, b"IHDR", &header);
    write_chunk(&mut written, b"PLTE", &palette.concat());
    write_chunk(&mut written, b"IDAT", &encoder.finish().unwrap());
    write_chunk(&mut written, b"IEND", &[]);
    written
}

fn chunks(png: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut rest = png.strip_prefix(SIGNATURE).unwrap();
    let mut chunks = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        chunks.push((&after[..4], &after[4..4 + length]));
        rest = &after[length + 8..];
    }
    chunks
}

fn write_chunk(written: &mut Vec<u8>, name: &[u8], data: &[u8]) {
    let mut sum = Crc::new();
    sum.update(name);
    sum.update(data);
    written.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    written.extend(name);
    written.extend(data);
    written.extend(sum.sum().to_be_bytes());
}

/// Takes the five filters of PNG back.
fn unfilter(lines: &[u8], width: usize, channels: usize) -> Vec<u8> {
    let mut pixels: Vec<u8> = Vec::with_capacity(lines.len());
    let mut above = vec![0; width];
    for line in lines.chunks_exact(width + 1) {
        let mut current = line[1..].to_vec();
        for at in 0..width {
            let left = if at < channels { 0 } else { current[at - channels] };
            let corner = if at < channels { 0 } else { above[at - channels] };
            let guess = match line[0] {
                0 => 0,
                1 => left,
                2 => above[at],
                3 => left.midpoint(above[at]),
                _ => paeth(left, above[at], corner),
            };
            current[at] = current[at].wrapping_add(guess);
        }
        pixels.extend(&current);
        above = current;
    }
    pixels
}

fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, above, corner].map(i16::from);
    let guess = a + b - c;
    let [to_left, to_above, to_corner] = [a, b, c].map(|value| (guess - value).abs());
    if to_left <= to_above && to_left <= to_corner {
        left
    } else if to_above <= to_corner {
        above
    } else {
        corner
    }
}

/// Returns the most used colours, and the entry of each colour that is used.
fn reduce(colours: &[Colour]) -> (Vec<Colour>, HashMap<Colour, u8>) {
    let mut counts: HashMap<Colour, usize> = HashMap::new();
    for colour in colours {
        *counts.entry(*colour).or_default() += 1;
    }
    let mut used: Vec<(Colour, usize)> = counts.into_iter().collect();
    used.sort_by_key(|(colour, count)| (std::cmp::Reverse(*count), *colour));
    let palette: Vec<Colour> = used.iter().take(MAX_COLOURS).map(|(colour, _)| *colour).collect();
    let distance = |one: &Colour, other: &Colour| -> u32 {
        one.iter().zip(other).map(|(one, other)| u32::from(one.abs_diff(*other)).pow(2)).sum()
    };
    let nearest = |colour: &Colour| {
        let entries = palette.iter().enumerate().min_by_key(|(_, entry)| distance(entry, colour));
        u8::try_from(entries.map_or(0, |(number, _)| number)).unwrap()
    };
    let entries = used.iter().map(|(colour, _)| (*colour, nearest(colour))).collect();
    (palette, entries)
}
