package import AMQPWire

extension AMQPError {
    /// The error that a channel.close or connection.close carries.
    package init(closeCode: ReplyCode, text: String, classID: UInt16, methodID: UInt16, scope: Scope) {
        let blamed: MethodID? = classID == 0 ? nil : MethodID(classID: classID, methodID: methodID)
        self.init(Code(closeCode), scope: scope, text: text, method: blamed)
    }

    package static func violation(_ text: String, scope: Scope = .connection) -> AMQPError {
        AMQPError(.protocolViolation, scope: scope, text: text)
    }

    /// The same end as a neighbour saw it: each channel of a dead connection gets the connection's error.
    package static func ended(_ scope: Scope, _ text: String) -> AMQPError {
        AMQPError(.closedByOwner, scope: scope, text: text)
    }
}

extension AMQPError {
    /// Whether the same step can succeed later without a change by a person.
    public var isTransient: Bool {
        switch self.code.rawValue {
        case 311, 313, 320, 405, 506, 541: true
        case 403: self.text.contains("in exclusive use")  // another consumer has the queue for now
        // So many connections are there now, of this user or to this vhost or node; one of them may end.
        case 530: self.text.contains("connection limit (") && self.text.contains(" is reached")
        case 406: self.text.contains("timed out")  // consumer_timeout: the channel is gone, the queue is not (C61)
        case Code.consumerCancelled.rawValue: true
        case Code.tlsFailed.rawValue: self.text.contains("closed the connection")  // a broker that is just starting
        case Code.timeout.rawValue, Code.connectionLost.rawValue, Code.heartbeatMissed.rawValue: true
        default: false
        }
    }

    /// What a person can do about it; nil when there is nothing to add.
    public var advice: String? {
        if let advice = self.ownAdvice { return advice }
        return switch self.code.rawValue {
        case 311: "Send a smaller body, or raise max_message_size on the broker."
        case 312: "Bind a queue for this routing key, or correct the key."
        case 313: "Start a consumer on the queue."
        case 320: "An operator or a shutdown of the broker ended it; connecting again is safe."
        case 402: "Check the virtual host in the URI."
        case 403: "Check the user's permissions (rabbitmqctl list_permissions) and who uses the queue exclusively."
        case 404: "Declare it first, or correct the name."
        case 405: "Another connection holds it exclusively; wait for that one or use another name."
        case 406: self.adviceOnPrecondition
        case 501, 502, 503, 504, 505: "One side broke the protocol; please report it with the broker's log."
        case 506: "The broker is short of something: see its log, then try again."
        case 530 where self.text.contains("vhost  not found"):
            "amqp://host/ names the vhost with the empty name; leave the '/' out, or write %2F, for the default one."
        case 530 where self.isTransient:
            "Others are connected: wait for one of them to end, or raise the limit on the broker."
        case 530: "The broker's policy forbids it: check virtual host, limits and consumer tags."
        case 540: "The broker does not offer this option."
        case 541: "The broker failed: see its log."
        case Code.authenticationFailed.rawValue: "Check user and password in the URI."
        default: nil
        }
    }

    private var adviceOnPrecondition: String {
        if let difference = self.difference {
            let asked = difference.asked.map { "'\($0)'" } ?? "none"
            let existing = difference.existing.map { "'\($0)'" } ?? "none"
            return
                "Ask for \(difference.argument) \(existing) instead of \(asked), or delete what exists and declare it again."
        }
        if self.text.contains("timed out") {
            return "A delivery was held longer than consumer_timeout; raise it, prefetch less, or work faster."
        }
        if self.text.contains("unknown delivery tag") { return "A delivery was settled twice, or on another channel." }
        return "What exists or was sent does not allow it: the broker's words say which condition failed."
    }
}
