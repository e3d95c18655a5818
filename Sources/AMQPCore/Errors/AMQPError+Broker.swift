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
        case 404: self.meansNodeDown
        // So many connections are there now, of this user or to this vhost or node; one of them may end.
        case 530: self.text.contains("connection limit (") && self.text.contains(" is reached")
        case 406: self.text.contains("timed out")  // consumer_timeout: the channel is gone, the queue is not (C61)
        case Code.consumerCancelled.rawValue: true
        // Of limits that the client keeps to: rather the way to the broker than the broker.
        case Code.negotiationFailed.rawValue: self.text.contains("closed the socket")
        case Code.tlsFailed.rawValue: self.text.contains("closed the connection")  // a broker that is just starting
        case Code.timeout.rawValue, Code.connectionLost.rawValue, Code.heartbeatMissed.rawValue,
            Code.unreachable.rawValue:
            true
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
        case 403: self.adviceOnAccess
        case 404 where self.meansNodeDown:
            "It is there, on a node that is down or in trouble: wait for that one to come back."
        case 404: "Declare it first, or correct the name."
        case 405: "Another connection holds it exclusively; wait for that one or use another name."
        case 406: self.adviceOnPrecondition
        case 501, 502, 503, 504, 505: "One side broke the protocol; please report it with the broker's log."
        case 506: "The broker is short of something: see its log, then try again."
        case 530 where self.text.contains("vhost  not found"):
            "amqp://host/ names the vhost with the empty name; leave the '/' out, or write %2F, for the default one."
        case 530 where self.isTransient:
            "Others are connected: wait for one of them to end, or raise the limit on the broker."
        case 530 where self.isRefusalOfUser: "Give the user access to the virtual host (rabbitmqctl set_permissions)."
        case 530: "The broker's policy forbids it: check virtual host, limits and consumer tags."
        case 540: "The broker does not offer this option."
        case 541: "The broker failed: see its log."
        case Code.authenticationFailed.rawValue: Self.loginAdvice
        case Code.unreachable.rawValue: self.adviceOnTheWay
        default: nil
        }
    }

    private static let loginAdvice = "Check user and password in the URI."

    /// Whether the broker knows what is meant, and lets this user not have it: a wrong password, no permission.
    public var isRefusalOfUser: Bool {
        if self.code == .authenticationFailed { return true }
        switch self.code.rawValue {
        case 403: return !self.isTransient && !self.isAboutReservedNames
        // RabbitMQ's word for a virtual host that the user may not use; a limit is worded alike.
        case 530:
            return !self.isTransient && self.text.contains("access to vhost '")
                && self.text.contains("refused for user")
        default: return false
        }
    }

    /// Whether the broker does not take user and password.
    ///
    /// RabbitMQ ends the login with 403; who may log in and lacks a permission has one for a channel.
    public var isLoginRefused: Bool {
        if self.code == .authenticationFailed { return true }
        return self.code.rawValue == 403 && self.scope == .connection
    }

    private var isAboutReservedNames: Bool {
        self.text.contains("reserved prefix") || self.text.contains("default exchange")
    }

    private var adviceOnTheWay: String {
        if self.text.hasSuffix("Connection refused") {
            return "Nothing listens there: is the broker running, and is this its port?"
        }
        if self.text.contains("can not be resolved") { return "Correct the host's name in the URI." }
        return "Is this its address, and does a firewall or a network stand between?"
    }

    private var adviceOnAccess: String {
        if self.text.contains("Login was refused") { return Self.loginAdvice }
        if self.text.contains("in exclusive use") {
            return "Another consumer has the queue for itself: wait for it to end, or end it."
        }
        if self.text.contains("reserved prefix") { return "Such names are the broker's own: use another one." }
        if self.text.contains("default exchange") {
            return "It is always there, and bound to every queue by its name: leave it out."
        }
        return "Check the user's permissions (rabbitmqctl list_permissions)."
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
