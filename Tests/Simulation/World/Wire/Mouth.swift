/// The broker's end of the way to one client: it can keep confirms back, and say no in their place.
///
/// All else overtakes what is kept back, as it may: a confirm has no place among the other frames. Behind a close nothing
/// of that channel is said any more.
struct Mouth {
    private struct Held {
        let channel: UInt16
        let isAck: Bool
        var octets: [UInt8]
    }
    private var held: [Held] = []
    /// Confirms and returns are kept back.
    var isWithholding = false
    /// Confirms that become refusals.
    var refusals = 0
    /// A returned content is on its way out.
    private var returning: UInt16?
    private var returningLeft = -1
    /// Channels in confirm mode.
    private var confirming: Set<UInt16> = []

    /// What goes out now of what the broker says, which are whole frames.
    mutating func say(_ octets: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        octets.withUnsafeBytes { bytes in
            _ = FrameCutter.cut(bytes) { frame in
                if let now = self.passes(frame) { out.append(contentsOf: now) }
            }
        }
        return out
    }

    private mutating func passes(_ frame: UnsafeRawBufferPointer) -> [UInt8]? {
        let number = frame.number16(1)
        if self.returning == number {
            if frame[0] == 2 {
                self.returningLeft = Int(frame.number64(11))
            } else {
                self.returningLeft -= frame.count - 8
            }
            if self.returningLeft <= 0 { self.returning = nil }
            return self.hold(Array(frame), number, isAck: false)
        }
        let octets = Array(frame)
        guard frame[0] == 1 else { return octets }
        switch frame.number32(7) {
        case Wire.returned:
            // A return of a transaction comes before its commit-ok, whatever happens.
            guard self.isWithholding, self.confirming.contains(number) else { return octets }
            self.returning = number
            return self.hold(octets, number, isAck: false)
        case Wire.ack:
            guard self.refusals > 0 else { return self.isWithholding ? self.hold(octets, number, isAck: true) : octets }
            self.refusals -= 1
            var refusal = octets
            refusal[10] = 120  // basic.nack; its other bit means nothing from the broker
            return self.isWithholding ? self.hold(refusal, number, isAck: false) : refusal
        case Wire.confirmSelectOk: self.confirming.insert(number)
        case Wire.channelClose, Wire.channelCloseOk:
            self.held.removeAll { $0.channel == number }
            self.confirming.remove(number)
        case Wire.connectionClose: self.held.removeAll()
        default: break
        }
        return octets
    }

    private mutating func hold(_ octets: [UInt8], _ number: UInt16, isAck: Bool) -> [UInt8]? {
        self.held.append(Held(channel: number, isAck: isAck, octets: octets))
        return nil
    }

    /// What was kept back: of acks in a row the last says it for all.
    mutating func release() -> [UInt8] {
        self.isWithholding = false
        var out: [UInt8] = []
        for place in self.held.indices {
            let held = self.held[place]
            if held.isAck {
                let next = self.held[(place + 1)...].firstIndex { $0.channel == held.channel }
                if let next, self.held[next].isAck {
                    self.held[next].octets[19] |= 1
                    continue
                }
            }
            out += held.octets
        }
        self.held = []
        return out
    }
}
