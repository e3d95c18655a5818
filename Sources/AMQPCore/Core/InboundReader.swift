import AMQPWire

/// Puts contents together out of the frames that the socket brings (AMQP 0-9-1 §4.2.3, C19-C25).
///
/// A delivery whose frames lie in one read becomes a record that points into that read; all else goes frame by frame, and
/// a body that a read has cut piece by piece into its content's own memory: no body is copied twice.
package final class InboundReader {
    // Unchecked: looked at for each delivery, by whoever drives the core, one thread at a time, in no call that looks.
    @exclusivity(unchecked) private var splitter: FrameSplitter
    /// Octets of a frame's payload that the peer may send.
    package var payloadLimit: Int {
        get { self.splitter.payloadLimit }
        set { self.splitter.payloadLimit = newValue }
    }
    /// Octets of a content that we take.
    let bodyLimit: Int
    /// Of the read that is taken.
    private var now: UInt64 = 0
    private var dirty: ContiguousArray<Lane> = []
    /// Lanes whose owners do not keep up; the driver stops reading until they do.
    package var overfull: ContiguousArray<Lane> = []
    /// Lanes whose channels the peer has flooded; the driver ends them.
    package var flooded: ContiguousArray<(lane: Lane, offence: FloodOffence)> = []
    /// Octets that nothing but TCP bounds, on all lanes, as their last hand-overs told.
    package var waitingBytes = 0

    package init(frameMax: Int, bodyLimit: Int, headerLimit: Int = 4 << 20) {
        self.splitter = FrameSplitter(from: .server, frameMax: frameMax, headerLimit: headerLimit)
        self.bodyLimit = bodyLimit
    }

    /// Takes one read and hands the contents over to their mailboxes.
    ///
    /// - Parameters:
    ///   - block: What was read.
    ///   - now: When, in nanoseconds of the monotonic clock.
    ///   - delegate: Gets what is no content.
    /// - Throws: What is wrong with it.
    package func read(_ block: Block, now: UInt64 = 0, delegate: some InboundDelegate) throws(InboundFailure) {
        self.now = now
        defer { self.handOver() }
        try self.frames(block, delegate)
        for lane in self.dirty { lane.sealBatch(block, now: now) }
    }

    func handOver() {
        for lane in self.dirty {
            let standing = lane.handOver()
            self.waitingBytes += standing.unboundedBytes - lane.waitingBytes
            lane.waitingBytes = standing.unboundedBytes
            if standing.unboundedBytes > WaitingLimit.channel { self.overfull.append(lane) }
            if let offence = standing.offence { self.flooded.append((lane, offence)) }
        }
        self.dirty.removeAll(keepingCapacity: true)
    }

    /// Marks a lane whose mailbox gets something at the end of the read.
    func touch(_ lane: Lane) {
        guard !lane.isDirty else { return }
        lane.isDirty = true
        self.dirty.append(lane)
    }

    // MARK: Frames

    private func frames(_ block: Block, _ delegate: some InboundDelegate) throws(InboundFailure) {
        let bytes = block.bytes
        var position = 0
        var isMidFrame = self.splitter.isMidFrame
        while position < bytes.count {
            if !isMidFrame, let next = self.fastDelivery(bytes, position, delegate) {
                position = next
                continue
            }
            let piece: FrameSplitter.Piece?
            do throws(FrameFault) {
                piece = try self.splitter.next(in: bytes, at: &position)
            } catch {
                throw InboundFailure(error)
            }
            isMidFrame = self.splitter.isMidFrame
            guard let piece else { return }
            try self.take(piece, bytes, block, delegate)
        }
    }

    private func take(
        _ piece: FrameSplitter.Piece,
        _ bytes: UnsafeRawBufferPointer,
        _ block: Block,
        _ delegate: some InboundDelegate
    ) throws(InboundFailure) {
        switch piece {
        case .frame(let type, let channel, let payload):
            try self.dispatch(type, channel, UnsafeRawBufferPointer(rebasing: bytes[payload]), block, delegate)
        case .assembled(let type, let channel, let frame):
            try frame.withBytes { (octets) throws(InboundFailure) in
                let payload = octets[Frame.headerSize..<octets.count - 1]
                try self.dispatch(type, channel, UnsafeRawBufferPointer(rebasing: payload), block, delegate)
            }
        case .body(let channel, let part):
            try self.body(channel, UnsafeRawBufferPointer(rebasing: bytes[part]), block, delegate)
        case .protocolHeader: break  // a client's alone
        }
    }

    /// deliver, header and body of one channel in a row: the hot path.
    ///
    /// Anything else is nil and goes the long way.
    @inline(__always)
    private func fastDelivery(
        _ bytes: UnsafeRawBufferPointer,
        _ position: Int,
        _ delegate: some InboundDelegate
    ) -> Int? {
        let left = bytes.count - position
        // method frame: 7 + class, method, five lengths and the tag at least; header frame: 7 + 14; ends
        guard left >= 7 + 17 + 1 + 7 + 14 + 1, bytes[position] == Frame.method else { return nil }
        let channel = bytes.bigEndian16(position + 1)
        let methodSize = Int(bytes.bigEndian32(position + 3))
        let method = position + 7
        guard bytes.bigEndian32(method) == 60 << 16 | 60 else { return nil }
        let methodEnd = method + methodSize
        let header = methodEnd + 1 + 7
        guard methodSize >= 16, methodSize <= self.splitter.payloadLimit, header + 15 <= bytes.count,
            bytes[methodEnd] == Frame.end, bytes[methodEnd + 1] == Frame.header,
            bytes.bigEndian16(methodEnd + 2) == channel
        else { return nil }
        let headerSize = Int(bytes.bigEndian32(methodEnd + 4))
        let headerEnd = header + headerSize
        guard headerSize >= 14, headerSize <= self.splitter.headerPayloadLimit, headerEnd < bytes.count,
            bytes[headerEnd] == Frame.end, bytes.bigEndian32(header) == 60 << 16
        else { return nil }
        let bodySize = bytes.bigEndian64(header + 4)
        guard bodySize <= UInt64(min(self.splitter.payloadLimit, self.bodyLimit)) else { return nil }
        var body = headerEnd + 1
        var next = body
        if bodySize > 0 {
            body = headerEnd + 8
            next = body + Int(bodySize) + 1
            guard next <= bytes.count, bytes[headerEnd + 1] == Frame.body,
                bytes.bigEndian16(headerEnd + 2) == channel,
                UInt64(bytes.bigEndian32(headerEnd + 4)) == bodySize, bytes[next - 1] == Frame.end
            else { return nil }
        }
        guard let fixed = DeliverFixedPart(bytes, method, methodEnd),
            let lane = delegate.lane(for: channel), lane.isOpen, !lane.isMidContent,
            lane.origin.hasNoPast || lane.isOwn(bytes, method, fixed.deliveryTag)
        else { return nil }
        lane.origin.received(fixed.deliveryTag)
        lane.records.append(
            ContentRecord(
                deliveryTag: fixed.deliveryTag,
                redelivered: fixed.redelivered,
                method: method..<methodEnd,
                header: header..<headerEnd,
                body: body..<body + Int(bodySize)
            )
        )
        self.splitter.tookFrames()
        self.touch(lane)
        return next
    }

    // MARK: One frame

    func dispatch(
        _ type: UInt8,
        _ channel: UInt16,
        _ payload: UnsafeRawBufferPointer,
        _ block: Block,
        _ delegate: some InboundDelegate
    ) throws(InboundFailure) {
        switch type {
        case Frame.method:
            try self.method(channel, payload, block, delegate)
        case Frame.header:
            guard channel != 0 else { throw InboundFailure(code: .channelError, text: "a content on channel 0") }
            guard let lane = delegate.lane(for: channel), lane.isOpen else { return }
            try self.act(lane.assembler.headerReceived(payload, bodyLimit: self.bodyLimit), lane, block, delegate)
        case Frame.body:
            try self.body(channel, payload, block, delegate)
        default:  // heartbeat: any octets count as traffic, there is nothing else to it
            guard channel == 0, payload.isEmpty else {
                throw InboundFailure(code: .frameError, text: "a heartbeat on channel \(channel) or with a payload")
            }
        }
    }

    private func method(
        _ channel: UInt16,
        _ payload: UnsafeRawBufferPointer,
        _ block: Block,
        _ delegate: some InboundDelegate
    ) throws(InboundFailure) {
        guard payload.count >= 4 else {
            throw InboundFailure(code: .frameError, text: "a method frame of \(Plural.of(payload.count, "octet"))")
        }
        guard (payload.bigEndian16(0) == 10) == (channel == 0) else {
            throw InboundFailure(
                code: .channelError,
                text: "a method of class \(payload.bigEndian16(0)) on channel \(channel)"
            )
        }
        let lane = channel == 0 ? nil : delegate.lane(for: channel)
        if lane == nil, channel != 0 { return }  // C42
        if let lane {
            self.touch(lane)
            let hasContent = Self.contentMethods.contains(payload.bigEndian32(0))
            if lane.isOpen, hasContent {
                return try self.act(lane.assembler.methodReceived(payload), lane, block, delegate)
            }
            if lane.isMidContent, payload.bigEndian32(0) != 20 << 16 | 40 {
                throw InboundFailure(code: .unexpectedFrame, text: "a method in the middle of a content")
            }
            if hasContent { return }  // opening: a leftover of the number's last life (C37)
        }
        try delegate.methodReceived(channel: channel, lane: lane, payload: payload)
    }

    /// What is followed by a content: basic.deliver, basic.return, basic.get-ok.
    private static let contentMethods: Set<UInt32> = [60 << 16 | 60, 60 << 16 | 50, 60 << 16 | 71]

    func body(
        _ channel: UInt16,
        _ piece: UnsafeRawBufferPointer,
        _ block: Block,
        _ delegate: some InboundDelegate
    ) throws(InboundFailure) {
        guard channel != 0 else { throw InboundFailure(code: .channelError, text: "a content on channel 0") }
        guard let lane = delegate.lane(for: channel), lane.isOpen else { return }
        try self.act(lane.assembler.bodyReceived(piece), lane, block, delegate)
    }

    private func act(
        _ action: ContentAssembler.Action,
        _ lane: Lane,
        _ block: Block,
        _ delegate: some InboundDelegate
    ) throws(InboundFailure) {
        lane.isMidContent = !lane.assembler.isIdle
        switch action {
        case .more: return
        case .unexpectedFrame(let text): throw InboundFailure(code: .unexpectedFrame, text: text)
        case .malformed(let text): throw InboundFailure(code: .frameError, text: text)
        case .complete(let storage):
            self.touch(lane)
            try self.complete(storage, lane, block, delegate)
        }
    }

    private func complete(
        _ storage: ContentStorage,
        _ lane: Lane,
        _ block: Block,
        _ delegate: some InboundDelegate
    ) throws(InboundFailure) {
        let content = Block(storage)
        let method = UnsafeRawBufferPointer(rebasing: content.bytes[..<storage.methodLength])
        switch method.bigEndian32(0) {
        case 60 << 16 | 60:
            guard let fixed = DeliverFixedPart(method, 0, method.count) else {
                throw InboundFailure(code: .frameError, text: "basic.deliver with malformed arguments")
            }
            guard lane.isOwn(method, 0, fixed.deliveryTag) else { return }  // of the number's last life (C37)
            lane.origin.received(fixed.deliveryTag)
            lane.sealBatch(block, now: self.now)  // keep the order: what this read brought before comes first
            let record = ContentRecord(storage, deliveryTag: fixed.deliveryTag, redelivered: fixed.redelivered)
            lane.append(DeliveryBatch(block: content, records: [record], arrivedAt: self.now))
        case 60 << 16 | 50:
            guard lane.returnReceived() else { return }
            lane.append(
                .returned(content, ContentRecord(storage, deliveryTag: 0, redelivered: false)),
                holding: storage.bytes.count
            )
        default:
            guard method.count >= 13 else {
                throw InboundFailure(code: .frameError, text: "basic.get-ok with malformed arguments")
            }
            let record = ContentRecord(
                storage,
                deliveryTag: method.bigEndian64(4),
                redelivered: method[12] & 1 == 1
            )
            lane.origin.received(record.deliveryTag)
            if try delegate.getOkReceived(lane: lane) { lane.append(.got(content, record)) }
        }
    }
}
