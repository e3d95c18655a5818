import AMQPWire

/// Frames that the end of a read has cut.
extension InboundReader {
    func keep(_ bytes: UnsafeRawBufferPointer, _ position: Int) {
        var kept: [UInt8] = []
        let left = bytes.count - position
        if left >= Frame.overhead { kept.reserveCapacity(Int(bytes.bigEndian32(position + 3)) + Frame.overhead) }
        kept.append(contentsOf: bytes[position...])
        self.carry = .frame(kept)
    }

    func finishCarry(
        _ block: Block,
        _ position: inout Int,
        _ delegate: some InboundDelegate
    ) throws(InboundFailure) {
        switch self.carry {
        case .none: return
        case .body(let channel, var remaining):
            let count = min(remaining, block.bytes.count)
            if count > 0 {
                let piece = UnsafeRawBufferPointer(rebasing: block.bytes[..<count])
                try self.body(channel, piece, block, delegate)
                remaining -= count
                position = count
            }
            guard position < block.bytes.count else {
                self.carry = .body(channel: channel, remaining: remaining)
                return
            }
            self.carry = .none
            guard block.bytes[position] == Frame.end else { throw Self.badEnd(block.bytes[position]) }
            position += 1
        case .frame(var kept):
            self.carry = .none
            try self.finishFrame(&kept, block, &position, delegate)
        }
    }

    func finishFrame(
        _ kept: inout [UInt8],
        _ block: Block,
        _ position: inout Int,
        _ delegate: some InboundDelegate
    ) throws(InboundFailure) {
        let bytes = block.bytes
        func fill(to count: Int) {
            let more = min(max(count - kept.count, 0), bytes.count - position)
            kept.append(contentsOf: bytes[position..<position + more])
            position += more
        }
        fill(to: 8)  // a frame has 8 octets at least, and a foreign protocol header exactly 8
        guard kept.count >= 8 else {
            self.carry = .frame(kept)
            return
        }
        let (type, channel, size) = kept.withUnsafeBytes { ($0[0], $0.bigEndian16(1), Int($0.bigEndian32(3))) }
        try kept.withBytes { (raw) throws(InboundFailure) in try self.check(type, size, raw, 0) }
        if type == Frame.body {
            // Give its first octet back to the common way: the piece, then the rest from the block.
            var remaining = size
            if size > 0 {
                let first = [kept[7]]
                try first.withBytes { (raw) throws(InboundFailure) in
                    try self.body(channel, raw, block, delegate)
                }
                remaining -= 1
                self.carry = .body(channel: channel, remaining: remaining)
                let rest = Block(
                    bytes: UnsafeRawBufferPointer(rebasing: bytes[position...]),
                    owner: block.owner
                )
                var offset = 0
                try self.finishCarry(rest, &offset, delegate)
                position += offset
            } else {
                guard kept[7] == Frame.end else { throw Self.badEnd(kept[7]) }
                try self.body(channel, UnsafeRawBufferPointer(start: nil, count: 0), block, delegate)
            }
            return
        }
        kept.reserveCapacity(size + Frame.overhead)
        fill(to: size + Frame.overhead)
        guard kept.count == size + Frame.overhead else {
            self.carry = .frame(kept)
            return
        }
        guard kept[size + 7] == Frame.end else { throw Self.badEnd(kept[size + 7]) }
        try kept.withBytes { (raw) throws(InboundFailure) in
            let payload = UnsafeRawBufferPointer(rebasing: raw[7..<7 + size])
            try self.dispatch(type, channel, payload, block, delegate)
        }
    }
}
