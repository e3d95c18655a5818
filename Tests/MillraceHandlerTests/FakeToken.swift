import CMillraceABI

/// One delivery that a ``FakeHost`` gives out, and all that was done with it.
final class FakeToken {
    struct Completion: Equatable {
        let kind: UInt32
        var delay: UInt64 = 0
        var reason = ""

        init(_ kind: millrace_outcome_kind, delay: UInt64 = 0, reason: String = "") {
            self.kind = kind.rawValue
            self.delay = delay
            self.reason = reason
        }

        init(_ outcome: millrace_outcome) {
            self.kind = outcome.kind
            self.delay = outcome.delay_ns
            self.reason = text(outcome.reason)
        }
    }

    enum Value: Equatable {
        case bool(Bool)
        case integer(Int64)
        case real(Double)
        case string(String)
        case bytes([UInt8])
        case table
    }

    var properties: [UInt32: Value] = [:]
    var headers: [String: Value] = [:]
    var isCancelled = false
    var publishCode: Int32 = 0
    private(set) var completions: [Completion] = []
    private(set) var publications: [FakePublication] = []
    /// Sizes that plugin and host disagree about.
    private(set) var wrongSizes: [String] = []
    private(set) var message = millrace_message()
    private var body: UnsafeMutableBufferPointer<UInt8>
    private var names: [UnsafeMutableBufferPointer<UInt8>] = []
    /// What the last `property` or `header` call gave.
    private var lent = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 0)

    init(
        _ octets: [UInt8],
        exchange: String = "",
        routingKey: String = "",
        attempt: UInt32 = 1,
        redelivered: Bool = false
    ) {
        self.body = copy(octets)
        self.names = [copy(Array(exchange.utf8)), copy(Array(routingKey.utf8))]
        self.message.size = MemoryLayout<millrace_message>.size
        self.message.body = lend(self.body)
        self.message.exchange = lend(self.names[0])
        self.message.routing_key = lend(self.names[1])
        self.message.attempt = attempt
        self.message.redelivered = redelivered ? 1 : 0
    }

    convenience init(_ text: String) { self.init(Array(text.utf8)) }

    /// The token's pointer; valid as long as the object.
    var pointer: OpaquePointer { OpaquePointer(Unmanaged.passUnretained(self).toOpaque()) }

    static func at(_ pointer: OpaquePointer?) -> FakeToken? {
        pointer.map { Unmanaged<FakeToken>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
    }

    func complete(_ outcome: millrace_outcome) {
        if outcome.size != MemoryLayout<millrace_outcome>.size { self.wrongSizes.append("outcome") }
        self.completions.append(Completion(outcome))
        // The memory ends with the delivery: who looks at it later shall see nonsense.
        self.body.update(repeating: 0xEE)
    }

    func publish(_ publication: millrace_publication) -> Int32 {
        if publication.size != MemoryLayout<millrace_publication>.size { self.wrongSizes.append("publication") }
        self.publications.append(FakePublication(publication))
        return self.publishCode
    }

    func answer(_ value: Value?, _ out: inout millrace_value) {
        if out.size != MemoryLayout<millrace_value>.size { self.wrongSizes.append("value") }
        self.lent.update(repeating: 0xEE)
        switch value {
        case nil: out.kind = MILLRACE_NONE.rawValue
        case .bool(let flag):
            out.kind = MILLRACE_BOOL.rawValue
            out.integer = flag ? 1 : 0
        case .integer(let number):
            out.kind = MILLRACE_INTEGER.rawValue
            out.integer = number
        case .real(let real):
            out.kind = MILLRACE_DOUBLE.rawValue
            out.real = real
        case .string(let text):
            out.kind = MILLRACE_STRING.rawValue
            out.bytes = self.lendAnew(Array(text.utf8))
        case .bytes(let bytes):
            out.kind = MILLRACE_BYTES.rawValue
            out.bytes = self.lendAnew(bytes)
        case .table: out.kind = MILLRACE_OTHER.rawValue
        }
    }

    private func lendAnew(_ octets: [UInt8]) -> millrace_bytes {
        self.names.append(self.lent)
        self.lent = copy(octets)
        return lend(self.lent)
    }

    deinit {
        self.body.deallocate()
        self.lent.deallocate()
        for name in self.names { name.deallocate() }
    }
}

/// A publication as it arrived, copied.
struct FakePublication: Equatable {
    var body: [UInt8]
    var texts: [String: String] = [:]
    var isTransient: Bool
    var priority: UInt8
    var headers: [String: FakeToken.Value] = [:]
    var headerOrder: [String] = []

    init(_ publication: millrace_publication) {
        self.body = octets(publication.body)
        self.isTransient = publication.transient == 1
        self.priority = publication.priority
        self.texts = [
            "exchange": text(publication.exchange), "routing_key": text(publication.routing_key),
            "content_type": text(publication.content_type), "message_id": text(publication.message_id),
            "correlation_id": text(publication.correlation_id), "reply_to": text(publication.reply_to),
            "type": text(publication.type),
        ].filter { !$0.value.isEmpty }
        for header in UnsafeBufferPointer(start: publication.headers, count: publication.header_count) {
            self.headerOrder.append(text(header.key))
            self.headers[text(header.key)] =
                switch header.kind {
                case MILLRACE_BOOL.rawValue: .bool(header.integer != 0)
                case MILLRACE_INTEGER.rawValue: .integer(header.integer)
                case MILLRACE_DOUBLE.rawValue: .real(header.real)
                case MILLRACE_STRING.rawValue: .string(text(header.bytes))
                case MILLRACE_BYTES.rawValue: .bytes(octets(header.bytes))
                default: .table
                }
        }
    }
}

func octets(_ bytes: millrace_bytes) -> [UInt8] { Array(UnsafeBufferPointer(start: bytes.data, count: bytes.length)) }
func text(_ bytes: millrace_bytes) -> String { String(decoding: octets(bytes), as: UTF8.self) }

private func copy(_ octets: [UInt8]) -> UnsafeMutableBufferPointer<UInt8> {
    let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: octets.count)
    _ = memory.initialize(from: octets)
    return memory
}

private func lend(_ memory: UnsafeMutableBufferPointer<UInt8>) -> millrace_bytes {
    millrace_bytes(data: memory.isEmpty ? nil : UnsafePointer(memory.baseAddress), length: memory.count)
}
