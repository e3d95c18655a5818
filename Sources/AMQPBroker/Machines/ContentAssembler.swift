import AMQPWire

/// Puts a channel's methods together with their contents, and holds the client to the order of frames (C23 to C25).
struct ContentAssembler: Sendable {
    private enum State: Sendable {
        case method
        case header(Method)
        /// `left` is below 0 if more came than was announced.
        case body(Method, header: [UInt8], octets: [UInt8], left: Int)
    }
    private var state = State.method

    /// A method with all that belongs to it.
    struct Unit: Sendable {
        let method: Method
        var header: [UInt8] = []
        var body: [UInt8] = []
    }

    /// Frames that are out of order, and the method that they spoil.
    struct Misplaced: Error {
        var code: UInt16 = 505
        let text: String
        let method: Method?
    }

    /// Whether a content is under way.
    var isBusy: Bool { if case .method = self.state { false } else { true } }

    mutating func take(_ method: Method) throws(Misplaced) -> Unit? {
        try self.expectMethod()
        guard method.carriesContent else { return Unit(method: method) }
        self.state = .header(method)
        return nil
    }

    private func expectMethod() throws(Misplaced) {
        switch self.state {
        case .method: return
        case .header(let method):
            throw Misplaced(
                text: "expected content header for class 60, got non content header frame instead",
                method: method
            )
        case .body(let method, _, _, _):
            throw Misplaced(text: "expected content body, got non content body frame instead", method: method)
        }
    }

    mutating func takeHeader(_ payload: UnsafeRawBufferPointer) throws(Misplaced) -> Unit? {
        guard case .header(let method) = self.state else {
            if case .body = self.state { try self.expectMethod() }
            throw Misplaced(text: "expected method frame, got non method frame instead", method: nil)
        }
        guard payload.count >= 14, payload[2] == 0, payload[3] == 0 else {
            throw Misplaced(
                text: "expected content header for class 60, got non content header frame instead",
                method: method
            )
        }
        let classID = Int(payload[0]) << 8 | Int(payload[1])
        guard classID == 60 else {
            throw Misplaced(
                text: "expected content header for class 60, got one for class \(classID) instead",
                method: method
            )
        }
        var size: UInt64 = 0
        for octet in payload[4..<12] { size = size << 8 | UInt64(octet) }
        guard size > 0 else {
            self.state = .method
            return Unit(method: method, header: [UInt8](payload))
        }
        var octets: [UInt8] = []
        octets.reserveCapacity(Int(Swift.min(size, 1 << 20)))
        self.state = .body(
            method,
            header: [UInt8](payload),
            octets: octets,
            left: Int(Swift.min(size, UInt64(Int.max)))
        )
        return nil
    }

    /// A frame with a part of a body.
    ///
    /// - Parameters:
    ///   - part: Its octets.
    ///   - refusesOverrun: More than was announced is an error at once; else with the next frame.
    /// - Returns: The message, if it is whole now.
    /// - Throws: What has no place here.
    mutating func takeBody(
        _ part: UnsafeRawBufferPointer,
        refusesOverrun: Bool
    ) throws(Misplaced) -> Unit? {
        guard case .body(let method, let header, var octets, var left) = self.state else {
            try self.expectMethod()
            throw Misplaced(text: "expected method frame, got non method frame instead", method: nil)
        }
        self.state = .method
        octets.append(contentsOf: part)
        left -= part.count
        if left == 0 { return Unit(method: method, header: header, body: octets) }
        if left < 0, refusesOverrun {
            throw Misplaced(code: 501, text: "content body larger than announced", method: method)
        }
        self.state = .body(method, header: header, octets: octets, left: left)
        return nil
    }
}

extension Method {
    /// Whether a header frame follows it.
    var carriesContent: Bool {
        switch self {
        case .basicPublish, .basicReturn, .basicDeliver, .basicGetOk: true
        default: false
        }
    }
}
