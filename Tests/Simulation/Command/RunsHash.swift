/// Of many runs one after the other: the same seeds have the same one in every process.
struct RunsHash: CustomStringConvertible {
    private var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ hash: UInt64) { self.value = (self.value ^ hash) &* 0x100_0000_01B3 }

    var description: String { String(self.value, radix: 16) }
}
