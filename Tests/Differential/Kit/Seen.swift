package import AMQPWire

/// Something that a client has seen on a channel: a method, with its content if it has one.
package struct Seen: Equatable, Sendable, CustomStringConvertible {
    package let channel: UInt16
    package let method: Method
    package var header: [UInt8] = []
    package var body: [UInt8] = []

    package var properties: BasicProperties { self.header.withUnsafeBytes { BasicProperties(salvaging: $0) } }

    package var description: String {
        "\(self.channel): \(self.method)\(self.header.isEmpty ? "" : " \(self.properties) \(self.body)")"
    }
}

/// Octets of a broker, read as what a client sees.
package struct SeenReader {
    package init() {}

    private var rest: [UInt8] = []
    private var open: [UInt16: (seen: Seen, left: Int)] = [:]
    package private(set) var heartbeats = 0

    package mutating func read(_ octets: [UInt8]) throws -> [Seen] {
        self.rest += octets
        var seen: [Seen] = []
        var position = 0
        while self.rest.count - position >= 8 {
            let size = self.rest[position + 3..<position + 7].reduce(0) { $0 << 8 | Int($1) }
            guard self.rest.count - position >= size + 8 else { break }
            let type = self.rest[position]
            let channel = UInt16(self.rest[position + 1]) << 8 | UInt16(self.rest[position + 2])
            let payload = Array(self.rest[position + 7..<position + 7 + size])
            position += size + 8
            if let whole = try self.take(type, channel, payload) { seen.append(whole) }
        }
        self.rest.removeFirst(position)
        return seen
    }

    package mutating func take(_ type: UInt8, _ channel: UInt16, _ payload: [UInt8]) throws -> Seen? {
        switch type {
        case Frame.method:
            let method = try payload.withUnsafeBytes { bytes throws in try Method.decode(bytes) }
            let seen = Seen(channel: channel, method: method)
            switch method {
            case .basicDeliver, .basicGetOk, .basicReturn:
                self.open[channel] = (seen, -1)
                return nil
            default: return seen
            }
        case Frame.header:
            self.open[channel]?.seen.header = payload
            let size = try payload.withUnsafeBytes { bytes throws in try ContentHeader.peekBodySize(bytes) }
            self.open[channel]?.left = Int(size)
        case Frame.body:
            self.open[channel]?.seen.body += payload
            self.open[channel]?.left -= payload.count
        default:
            self.heartbeats += 1
            return nil
        }
        guard let open = self.open[channel], open.left == 0 else { return nil }
        self.open[channel] = nil
        return open.seen
    }
}
