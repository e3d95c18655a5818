import AMQPCore
import AMQPWire

/// The splitter of frames: however the octets are cut into reads, the outcome is the same.
enum ReaderFuzz {
    /// Both small, so that inputs of a few octets can pass them.
    static let frameMax = 512
    static let bodyLimit = 300

    static func run(_ octets: UnsafeRawBufferPointer, cut: UInt8) throws(Finding) -> Bool {
        let whole = Self.read(octets, pieceBytes: octets.count)
        let pieces = Self.read(octets, pieceBytes: Int(cut / 4) + 1)
        switch (whole, pieces) {
        case (.success(let one), .success(let other)):
            guard one == other else { throw Finding("one read gave \(one), pieces gave \(other)") }
            return true
        case (.failure, .failure): return false  // pieces may meet another of the frame's mistakes first
        case (.success, .failure(let failure)): throw Finding("pieces alone are refused: \(failure.text)")
        case (.failure(let failure), .success):
            // A head of 7 octets is looked at when the eighth comes.
            guard case .success = Self.read([UInt8](octets) + [0], pieceBytes: Int(cut / 4) + 1) else { return false }
            throw Finding("one read alone is refused: \(failure.text)")
        }
    }

    private static func read(_ octets: some RandomAccessCollection<UInt8>, pieceBytes: Int) -> Result<
        [Received], InboundFailure
    > {
        let log = ReaderLog()
        let reader = InboundReader(frameMax: Self.frameMax, bodyLimit: Self.bodyLimit)
        var rest = octets[...]
        do throws(InboundFailure) {
            while !rest.isEmpty {
                try reader.read(ReadMemory.block(rest.prefix(pieceBytes)), delegate: log)
                rest = rest.dropFirst(pieceBytes)
            }
        } catch {
            return .failure(error)
        }
        return .success(log.all())
    }
}

/// One thing that a channel was told.
private struct Received: Equatable {
    enum Kind: Equatable { case delivery, got, returned, method }
    let kind: Kind
    let channel: UInt16
    var tag: UInt64 = 0
    var redelivered = false
    let parts: [[UInt8]]

    init(method: UnsafeRawBufferPointer, channel: UInt16) {
        self.kind = .method
        self.channel = channel
        self.parts = [[UInt8](method)]
    }

    init(_ kind: Kind, _ block: Block, _ record: ContentRecord, _ lane: Lane) {
        self.kind = kind
        self.channel = lane.number
        self.tag = record.deliveryTag
        self.redelivered = record.redelivered
        self.parts = [
            [UInt8](block.slice(record.methodOffset, record.methodLength)),
            [UInt8](block.slice(record.headerOffset, record.headerLength)),
            [UInt8](block.slice(record.bodyOffset, record.bodyLength)),
        ]
    }
}

/// Two open channels and one that is opening; writes down what comes for each.
private final class ReaderLog: InboundDelegate {
    private var lanes: [Lane] = []
    private var methods: [Received] = []

    init() {
        for number: UInt16 in 1...3 {
            let mailbox = Mailbox()
            mailbox.attach(1)
            let lane = Lane(number: number, incarnation: 1, mailbox: mailbox)
            lane.isOpen = number < 3
            self.lanes.append(lane)
        }
    }

    func lane(for number: UInt16) -> Lane? { self.lanes.first { $0.number == number } }

    func methodReceived(channel: UInt16, lane: Lane?, payload: UnsafeRawBufferPointer) throws(InboundFailure) {
        self.methods.append(Received(method: payload, channel: channel))
    }

    func getOkReceived(lane: Lane) throws(InboundFailure) -> Bool { true }

    /// Deliveries by channel, each before the other contents; then the methods.
    func all() -> [Received] {
        var all: [Received] = []
        for lane in self.lanes {
            var inbox = Inbox()
            guard lane.mailbox.take(into: &inbox, until: 0) else { continue }
            for batch in inbox.batches {
                for record in batch.records { all.append(Received(.delivery, batch.block, record, lane)) }
            }
            for event in inbox.events {
                if case .got(let block, let record) = event { all.append(Received(.got, block, record, lane)) }
                if case .returned(let block, let record) = event {
                    all.append(Received(.returned, block, record, lane))
                }
            }
        }
        return all + self.methods
    }
}

/// The memory of one read.
///
/// Of its own and no octet longer, so that the address sanitizer sees who reaches past it.
final class ReadMemory {
    private let bytes: UnsafeMutableRawBufferPointer

    private init(_ octets: some Collection<UInt8>) {
        self.bytes = .allocate(byteCount: octets.count, alignment: 1)
        self.bytes.copyBytes(from: octets)
    }

    deinit { self.bytes.deallocate() }

    static func block(_ octets: some Collection<UInt8>) -> Block {
        let memory = ReadMemory(octets)
        return Block(bytes: UnsafeRawBufferPointer(memory.bytes), owner: memory)
    }
}
