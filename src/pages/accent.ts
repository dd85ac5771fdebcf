type Rgb = readonly [number, number, number]

/** The colours of the pages: the accent as a fill with its text colour, and shades of it for text. */
export type Accent = { fill: string; onFill: string; textOnLight: string; textOnDark: string }

/** The minimum contrast of text (WCAG 2.2, success criterion 1.4.3, level AA), with a margin for rounding. */
const least = 4.6

// The darkest light and the lightest dark background of text in the accent colour, as in pages/style.css.
const light: Rgb = [0xf1, 0xf3, 0xf7]
const dark: Rgb = [0x1c, 0x20, 0x2b]
const white: Rgb = [255, 255, 255]
const black: Rgb = [0, 0, 0]

/** Creates the accent colours: black or white text on the fill, and a darker and a lighter shade for text. */
export function createAccent(colour: string): Accent {
  const accent = parse(colour)
  return {
    fill: format(accent),
    onFill: contrast(accent, white) >= contrast(accent, black) ? '#ffffff' : '#000000',
    textOnLight: format(shade(accent, black, light)),
    textOnDark: format(shade(accent, white, dark)),
  }
}

/** Mixes a colour with another colour until it has the minimum contrast to the background. */
function shade(colour: Rgb, towards: Rgb, background: Rgb): Rgb {
  for (let part = 0; part < 1; part += 0.05) {
    const mixed = mix(colour, towards, part)
    if (contrast(mixed, background) >= least) return mixed
  }
  return towards
}

function mix(a: Rgb, b: Rgb, part: number): Rgb {
  const at = (index: 0 | 1 | 2) => Math.round(a[index] + (b[index] - a[index]) * part)
  return [at(0), at(1), at(2)]
}

/** Returns the contrast ratio of two colours, 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [x, y] = [luminance(a), luminance(b)]
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05)
}

function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((part) => {
    const value = part / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function parse(colour: string): Rgb {
  const value = Number.parseInt(colour.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}

function format(colour: Rgb): string {
  return `#${colour.map((part) => part.toString(16).padStart(2, '0')).join('')}`
}
