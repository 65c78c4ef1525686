/**
 * SHA-256 (FIPS 180-4) of the UTF-8 form of a text, as lower-case hex.
 *
 * Why not Web Crypto: it only hashes asynchronously, and a bill has a hash for each of its events. A hundred
 * thousand promises through the platform's thread pool took 1 to 4 s on two busy cores, this takes half a
 * second whatever else runs; and browsers withhold `crypto.subtle` from pages that came over plain HTTP.
 * Nothing secret is hashed, so timing tells nobody anything. The tests hold it against Web Crypto.
 */
export function sha256(text: string): string {
  const length = fill(text)
  state.set(initial)
  for (let offset = 0; offset < length; offset += blockLength) mix(offset)
  let hex = ''
  for (const word of state) hex += (word >>> 0).toString(16).padStart(8, '0')
  return hex
}

const blockLength = 64
/** The bit that ends the message and the eight bytes of its length. */
const paddingLength = 9
/** A UTF-16 code unit takes three bytes of UTF-8 at most. */
const bytesPerCodeUnitMax = 3

/** What the next text needs, kept from text to text: making a buffer costs more than hashing an event. */
let bytes = new Uint8Array(4096)
let view = new DataView(bytes.buffer)
const encoder = new TextEncoder()
const state = new Int32Array(8)
const schedule = new Int32Array(64)

/** Writes the padded message into the buffer; its length is a multiple of the block's. */
function fill(text: string): number {
  const room = text.length * bytesPerCodeUnitMax + paddingLength + blockLength
  if (bytes.length < room) {
    bytes = new Uint8Array(room)
    view = new DataView(bytes.buffer)
  }
  const { written } = encoder.encodeInto(text, bytes)
  const length = Math.ceil((written + paddingLength) / blockLength) * blockLength
  bytes.fill(0, written, length)
  bytes[written] = 0x80
  view.setBigUint64(length - 8, BigInt(written) * 8n)
  return length
}

/** The compression function, on the block at `offset`. All indexes lie within their arrays. */
function mix(offset: number): void {
  expand(offset)
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (let round = 0; round < 64; round += 1) {
    const ofE = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const ofA = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const choice = (e & f) ^ (~e & g)
    const majority = (a & b) ^ (a & c) ^ (b & c)
    const first = (h + ofE + choice + (constants[round] ?? 0) + (schedule[round] ?? 0)) | 0
    h = g
    g = f
    f = e
    e = (d + first) | 0
    d = c
    c = b
    b = a
    a = (first + ofA + majority) | 0
  }
  add(0, a)
  add(1, b)
  add(2, c)
  add(3, d)
  add(4, e)
  add(5, f)
  add(6, g)
  add(7, h)
}

function add(index: number, word: number): void {
  state[index] = (state[index] ?? 0) + word
}

function expand(offset: number): void {
  for (let round = 0; round < 16; round += 1) schedule[round] = view.getInt32(offset + 4 * round)
  for (let round = 16; round < 64; round += 1) {
    const far = schedule[round - 15] ?? 0
    const near = schedule[round - 2] ?? 0
    const ofFar = ((far >>> 7) | (far << 25)) ^ ((far >>> 18) | (far << 14)) ^ (far >>> 3)
    const ofNear = ((near >>> 17) | (near << 15)) ^ ((near >>> 19) | (near << 13)) ^ (near >>> 10)
    schedule[round] = (schedule[round - 16] ?? 0) + ofFar + (schedule[round - 7] ?? 0) + ofNear
  }
}

/** FIPS 180-4 §5.3.3: of the square roots of the first eight primes. */
const initial = words('6a09e667 bb67ae85 3c6ef372 a54ff53a 510e527f 9b05688c 1f83d9ab 5be0cd19')

/** FIPS 180-4 §4.2.2: of the cube roots of the first sixty-four primes. */
const constants = words(`
  428a2f98 71374491 b5c0fbcf e9b5dba5 3956c25b 59f111f1 923f82a4 ab1c5ed5
  d807aa98 12835b01 243185be 550c7dc3 72be5d74 80deb1fe 9bdc06a7 c19bf174
  e49b69c1 efbe4786 0fc19dc6 240ca1cc 2de92c6f 4a7484aa 5cb0a9dc 76f988da
  983e5152 a831c66d b00327c8 bf597fc7 c6e00bf3 d5a79147 06ca6351 14292967
  27b70a85 2e1b2138 4d2c6dfc 53380d13 650a7354 766a0abb 81c2c92e 92722c85
  a2bfe8a1 a81a664b c24b8b70 c76c51a3 d192e819 d6990624 f40e3585 106aa070
  19a4c116 1e376c08 2748774c 34b0bcb5 391c0cb3 4ed8aa4a 5b9cca4f 682e6ff3
  748f82ee 78a5636f 84c87814 8cc70208 90befffa a4506ceb bef9a3f7 c67178f2`)

function words(hex: string): Int32Array {
  return Int32Array.from(hex.trim().split(/\s+/), (word) => Number.parseInt(word, 16) | 0)
}
