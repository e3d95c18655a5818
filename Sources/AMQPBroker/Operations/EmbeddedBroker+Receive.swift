import AMQPWire

extension EmbeddedBroker {
    /// Takes in what a client has sent, cut wherever it may be.
    public mutating func receive(_ bytes: UnsafeRawBufferPointer, from id: ConnectionID, now: UInt64) {
        self.pass(now)
        guard self.connections.contains(id), self.connections[id].phase != .ended else { return }
        self.connections[id].receivedAt = self.now
        if !self.connections[id].justClosed.isEmpty { self.connections[id].justClosed = [] }
        var position = 0
        while self.connections.contains(id), self.connections[id].phase != .ended {
            if self.connections[id].isBlocked {
                self.connections[id].held.append(contentsOf: bytes[position...])
                break
            }
            do throws(FrameFault) {
                guard let piece = try self.connections[id].splitter.next(in: bytes, at: &position) else { break }
                self.take(piece, bytes, id)
            } catch {
                self.fail(id, error)
                break
            }
        }
        self.settleRest()
    }

    /// Takes in octets.
    public mutating func receive(_ octets: [UInt8], from id: ConnectionID, now: UInt64) {
        octets.withUnsafeBytes { self.receive($0, from: id, now: now) }
    }

    private mutating func take(_ piece: FrameSplitter.Piece, _ bytes: UnsafeRawBufferPointer, _ id: ConnectionID) {
        switch piece {
        case .protocolHeader(let octets): self.greet(id, octets)
        case .frame(let type, let channel, let payload):
            self.take(type, channel, UnsafeRawBufferPointer(rebasing: bytes[payload]), id)
        case .assembled(let type, let channel, let frame):
            frame.withUnsafeBytes { octets in
                let payload = octets[Frame.headerSize..<octets.count - 1]
                self.take(type, channel, UnsafeRawBufferPointer(rebasing: payload), id)
            }
        case .body(let channel, let part):
            self.take(Frame.body, channel, UnsafeRawBufferPointer(rebasing: bytes[part]), id)
        }
    }

    private mutating func take(
        _ type: UInt8,
        _ channel: UInt16,
        _ payload: UnsafeRawBufferPointer,
        _ id: ConnectionID
    ) {
        do throws(Refusal) {
            if type == Frame.heartbeat { return try Self.checkHeartbeat(channel, payload) }
            if channel == 0 { return try self.takeOnConnection(type, payload, id) }
            guard self.connections[id].phase == .running else {
                if self.connections[id].phase == .closing { return }
                throw .connection(.channelError, "unexpected frame before the connection is open")
            }
        } catch {
            return self.close(id, error, nil)
        }
        self.takeOnChannel(type, payload, ChannelRef(connection: id, number: channel))
    }

    private static func checkHeartbeat(_ channel: UInt16, _ payload: UnsafeRawBufferPointer) throws(Refusal) {
        guard payload.isEmpty else { throw .connection(.frameError, "type 8, all octets = <<>>: unknown_frame") }
        guard channel == 0 else { throw .connection(.unexpectedFrame, "type 8, all octets = <<>>") }
    }

    private mutating func takeOnConnection(
        _ type: UInt8,
        _ payload: UnsafeRawBufferPointer,
        _ id: ConnectionID
    ) throws(Refusal) {
        guard type == Frame.method else {
            if self.connections[id].phase == .closing { return }
            throw .connection(.unexpectedFrame, "type \(type), all octets = <<>>: {frame,\(type),0}")
        }
        let method: Method
        do throws(WireError) {
            method = try Method.decode(payload)
        } catch {
            if self.connections[id].phase == .closing { return }
            if error.kind == .unknownMethod { return self.drop(id) }
            throw .connection(.internalError, "")
        }
        try self.perform(method, on: id)
    }

    /// Octets that are no frames.
    private mutating func fail(_ id: ConnectionID, _ fault: FrameFault) {
        switch fault {
        case .tls: self.drop(id)
        case .foreign: self.refuseProtocol(id)
        case .unknownType(let type, _):
            self.close(id, .connection(.frameError, "type \(type), all octets = <<>>: unknown_frame"), nil)
        case .tooLarge(let octets, let limit, _):
            let text = "type 1, all octets = <<>>: {frame_too_large,\(octets - 8),\(limit - 8)}"
            self.close(id, .connection(.frameError, text), nil)
        case .badEnd(let octet):
            self.close(
                id,
                .connection(.frameError, "type 1, all octets = <<>>: {invalid_frame_end_marker,\(octet)}"),
                nil
            )
        }
    }

    /// Has queues tell their publishers what has become of them.
    private mutating func noteLengths() {
        for id in self.telling where self.queues.contains(id) { self.queues[id].noteLength() }
    }

    /// What became due by what was taken in: dead letters, confirms, timers.
    mutating func settleRest() {
        // Before, for dead letters that wait for room; after, for what they have filled.
        self.noteLengths()
        self.moveDeadLetters()
        self.noteLengths()
        for channel in self.confirming { self.flushConfirms(channel) }
        self.confirming.removeAll(keepingCapacity: true)
    }
}
