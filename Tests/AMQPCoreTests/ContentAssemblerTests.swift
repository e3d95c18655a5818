import AMQPCore
import AMQPWire
import Testing

@Suite struct ContentAssemblerTests {
    private static let deliver: [UInt8] = [0, 60, 0, 60, 1, 2, 3]

    private static func header(_ size: UInt64, classID: UInt16 = 60, weight: UInt16 = 0) -> [UInt8] {
        var buffer = WireBuffer()
        buffer.appendUInt16(classID)
        buffer.appendUInt16(weight)
        buffer.appendUInt64(size)
        buffer.appendUInt16(0)
        return buffer.withUnsafeBytes { [UInt8]($0) }
    }

    private static func describe(_ action: ContentAssembler.Action) -> String {
        switch action {
        case .more: "more"
        case .complete(let storage): "complete \(storage.bytes[storage.bodyOffset...].map { Int($0) })"
        case .unexpectedFrame: "505"
        case .malformed: "501"
        }
    }

    private enum Input { case method, header([UInt8]), body([UInt8]) }
    private static func run(_ inputs: [Input], limit: Int = 100) -> [String] {
        var assembler = ContentAssembler()
        return inputs.map { input in
            switch input {
            case .method: Self.describe(Self.deliver.withUnsafeBytes { assembler.methodReceived($0) })
            case .header(let octets):
                Self.describe(octets.withUnsafeBytes { assembler.headerReceived($0, bodyLimit: limit) })
            case .body(let octets): Self.describe(octets.withUnsafeBytes { assembler.bodyReceived($0) })
            }
        }
    }

    @Test func `C23: an empty body is complete with its header`() {
        #expect(Self.run([.method, .header(Self.header(0))]) == ["more", "complete []"])
    }

    @Test func `C23: a body frame behind an empty body is 505`() {
        #expect(Self.run([.method, .header(Self.header(0)), .body([])]).last == "505")
    }

    @Test func `C24: pieces add up, empty ones among them`() {
        let steps = Self.run([.method, .header(Self.header(3)), .body([1]), .body([]), .body([2, 3])])
        #expect(steps == ["more", "more", "more", "more", "complete [1, 2, 3]"])
    }

    @Test func `C24: more octets than announced are 505`() {
        #expect(Self.run([.method, .header(Self.header(2)), .body([1]), .body([2, 3])]).last == "505")
    }

    @Test func `C24: wrong class or weight is 505`() {
        #expect(Self.run([.method, .header(Self.header(0, classID: 50))]).last == "505")
        #expect(Self.run([.method, .header(Self.header(0, weight: 1))]).last == "505")
    }

    @Test func `C24: a header too short for its fields is 501`() {
        #expect(Self.run([.method, .header([0, 60, 0, 0])]).last == "501")
    }

    @Test func `C25: a method, a header or a body out of turn is 505`() {
        #expect(Self.run([.header(Self.header(1))]) == ["505"])
        #expect(Self.run([.body([1])]) == ["505"])
        #expect(Self.run([.method, .method]) == ["more", "505"])
        #expect(Self.run([.method, .body([1])]) == ["more", "505"])
        #expect(Self.run([.method, .header(Self.header(1)), .method]).last == "505")
        #expect(Self.run([.method, .header(Self.header(1)), .header(Self.header(1))]).last == "505")
    }

    @Test func `C21: a body over the limit is refused before memory for it is asked for`() {
        // Asked for, these would end the process.
        #expect(Self.run([.method, .header(Self.header(UInt64.max))]).last == "501")
        #expect(Self.run([.method, .header(Self.header(1 << 62))]).last == "501")
        #expect(Self.run([.method, .header(Self.header(101))]).last == "501")
        #expect(Self.run([.method, .header(Self.header(100))]).last == "more")
    }

    @Test func `C37: a reset drops half a content`() {
        var assembler = ContentAssembler()
        _ = Self.deliver.withUnsafeBytes { assembler.methodReceived($0) }
        #expect(!assembler.isIdle)
        assembler.reset()
        #expect(assembler.isIdle)
        #expect(Self.describe([1].withUnsafeBytes { assembler.bodyReceived($0) }) == "505")
    }

    @Test func `C24: the method and the header are kept octet for octet`() {
        var assembler = ContentAssembler()
        let header = Self.header(1) + [9, 9]
        _ = Self.deliver.withUnsafeBytes { assembler.methodReceived($0) }
        _ = header.withUnsafeBytes { assembler.headerReceived($0, bodyLimit: 1) }
        guard case .complete(let storage) = ([7] as [UInt8]).withUnsafeBytes({ assembler.bodyReceived($0) }) else {
            Issue.record("not complete")
            return
        }
        #expect([UInt8](storage.bytes) == Self.deliver + header + [7])
        #expect(storage.methodLength == Self.deliver.count)
        #expect(storage.headerLength == header.count)
        #expect(storage.bodyLength == 1)
    }

    @Test func `C24: a header is too short up to its flags`() {
        for count in 0..<14 {
            #expect(Self.run([.method, .header(Array(Self.header(0).prefix(count)))]).last == "501", "\(count) octets")
        }
    }

    @Test func `C25: contents follow one another, with a body and without`() {
        let empty: [Input] = [.method, .header(Self.header(0))]
        let whole: [Input] = [.method, .header(Self.header(1)), .body([7])]
        #expect(
            Self.run(empty + empty + whole + whole + empty) == [
                "more", "complete []", "more", "complete []", "more", "more", "complete [7]", "more", "more",
                "complete [7]", "more", "complete []",
            ]
        )
    }
}
