import TestSupport

/// A bad wire between two machines: what becomes of each packet, and when it arrives.
///
/// A value: packets come in with the time, in nanoseconds.
struct Wire {
    enum Side: Int { case client, broker }

    struct Faults: Equatable {
        /// Of a packet to be lost, to come twice, to have an octet changed: 0...1.
        var loss = 0.0
        var duplication = 0.0
        var corruption = 0.0
        /// How long it takes, in milliseconds, and by how much that varies, which brings packets out of order.
        var delay = 0.0
        var jitter = 0.0
        /// Octets a second; what waits for longer than a second is dropped.
        var rate: Double?
        /// Longer packets vanish without a word.
        var largest: Int?
        /// Everything vanishes.
        var isHole = false
        /// Every packet is followed by a reset, in the sender's name.
        var forgesResets = false
    }

    struct Packet: Equatable {
        let octets: [UInt8]
        let to: Side
        let due: UInt64
        fileprivate let number: Int
    }

    var faults = Faults()
    private var seed: Seed
    private var waiting: [Packet] = []
    private var free: [UInt64] = [0, 0]
    private var number = 0
    private(set) var lost = 0

    init(_ seed: Seed) { self.seed = seed }

    /// One packet from the other side.
    mutating func take(_ octets: [UInt8], to side: Side, now: UInt64) {
        let isTooLong = self.faults.largest.map { octets.count > $0 } ?? false
        guard !self.faults.isHole, !isTooLong, !self.happens(self.faults.loss) else {
            self.lost += 1
            return
        }
        var octets = octets
        if self.happens(self.faults.corruption), !octets.isEmpty {
            octets[Int.random(in: octets.indices, using: &self.seed)] ^= UInt8.random(in: 1...255, using: &self.seed)
        }
        var due = now
        if let rate = self.faults.rate {
            let start = max(now, self.free[side.rawValue])
            guard start < now + 1_000_000_000 else {
                self.lost += 1
                return
            }
            due = start + UInt64(Double(octets.count) / rate * 1e9)
            self.free[side.rawValue] = due
        }
        self.add(octets, side, due)
        if self.happens(self.faults.duplication) { self.add(octets, side, due) }
        if self.faults.forgesResets, let reset = Self.reset(after: octets) { self.add(reset, side, due) }
    }

    private mutating func happens(_ probability: Double) -> Bool {
        probability > 0 && Double.random(in: 0..<1, using: &self.seed) < probability
    }

    private mutating func add(_ octets: [UInt8], _ side: Side, _ due: UInt64) {
        let jitter = self.faults.jitter
        let varied = jitter > 0 ? Double.random(in: -jitter...jitter, using: &self.seed) : 0
        let late = UInt64(max(0, self.faults.delay + varied) * 1e6)
        self.number += 1
        self.waiting.append(Packet(octets: octets, to: side, due: due + late, number: self.number))
    }

    /// What arrives now, in order, and when the next one does.
    mutating func arrivals(now: UInt64) -> (packets: [Packet], next: UInt64?) {
        let arrived = self.waiting.filter { $0.due <= now }.sorted { ($0.due, $0.number) < ($1.due, $1.number) }
        if !arrived.isEmpty { self.waiting.removeAll { $0.due <= now } }
        return (arrived, self.waiting.map(\.due).min())
    }

    // MARK: TCP over IPv4

    /// A segment that ends the connection where this one ends; nil if it is no TCP.
    static func reset(after packet: [UInt8]) -> [UInt8]? {
        guard packet.count >= 40, packet[0] >> 4 == 4, packet[9] == 6 else { return nil }
        let header = Int(packet[0] & 0x0F) * 4
        guard packet.count >= header + 20 else { return nil }
        let segment = Array(packet[header...])
        let payload = segment.count - Int(segment[12] >> 4) * 4
        guard payload >= 0 else { return nil }
        let flags = segment[13]
        let sequence = segment[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let next = sequence &+ UInt32(payload) &+ (flags & 0x03 == 0 ? 0 : 1)
        var ip = Array(packet[..<20])
        ip[0] = 0x45
        ip[2...3] = [0, 40]
        ip[10...11] = [0, 0]
        ip[10...11] = Self.checksum(ip)[...]
        var tcp = Array(segment[..<20])
        tcp[4..<8] = [UInt8(next >> 24), UInt8(next >> 16 & 255), UInt8(next >> 8 & 255), UInt8(next & 255)]
        tcp[12] = 0x50
        tcp[13] = 0x14  // RST and ACK
        tcp[16...19] = [0, 0, 0, 0]
        tcp[16...17] = Self.checksum(Array(ip[12..<20]) + [0, 6, 0, 20] + tcp)[...]
        return ip + tcp
    }

    private static func checksum(_ octets: [UInt8]) -> [UInt8] {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: octets.count, by: 2) {
            sum += UInt32(octets[index]) << 8 | (index + 1 < octets.count ? UInt32(octets[index + 1]) : 0)
        }
        while sum >> 16 != 0 { sum = (sum & 0xFFFF) + sum >> 16 }
        return [UInt8(~sum >> 8 & 255), UInt8(~sum & 255)]
    }
}
