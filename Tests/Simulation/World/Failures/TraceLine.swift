import AMQPWire

/// An event as people read it.
enum TraceLine {
    static func text(_ event: Trace.Event) -> String {
        let micros = event.time / 1000 % 1_000_000
        let time = "\(event.time / 1_000_000_000)." + String(String(1_000_000 + micros).dropFirst())
        return Self.padded(time, 12) + "  " + Self.padded(Self.who(event.who), 9) + "  " + Self.what(event)
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func who(_ who: Trace.Who) -> String {
        switch who {
        case .world: "world"
        case .broker: "broker"
        case .client(let index): "client \(index)"
        case .owner(let client, let index): "owner \(client)/\(index)"
        }
    }

    private static func what(_ event: Trace.Event) -> String {
        switch event.what {
        case .decision: "decides \(Decision.What.allCases[Int(event.one)]), \(event.other)"
        case .arrived: "\(event.other) octets arrive on connection \(event.one)"
        case .sent: "sends    " + Self.frame(event)
        case .received: "receives " + Self.frame(event)
        case .connecting: "connects"
        case .opened: "is connected"
        case .ended: "its connection ends, code \(event.one)"
        case .told: "takes in delivery \(event.one)"
        case .published: "publishes message \(event.one)"
        case .verdict: "has a verdict for message \(event.one), publish \(event.other)"
        case .began: "begins message \(event.one), delivery \(event.other)"
        case .decided: "decides delivery \(event.one): \(Outcome(rawValue: UInt8(event.other)).map { "\($0)" } ?? "")"
        case .heal: "heals"
        case .drain: "has all leave"
        case .down: "stops"
        case .up: "is back"
        case .cut: "breaks connection \(event.one) on the way to the \(event.other == 1 ? "broker" : "client")"
        case .channelEnded: "its channel ends, code \(event.one)"
        }
    }

    private static func frame(_ event: Trace.Event) -> String {
        let (method, channel) = (UInt32(event.one >> 32), UInt16(truncatingIfNeeded: event.one))
        let detail = event.other > 0 ? ", \(event.other)" : ""
        switch method {
        case 2: return "header on \(channel)"
        case 3: return "body on \(channel)"
        case 8: return "heartbeat"
        default:
            let id = MethodID(classID: UInt16(method >> 16), methodID: UInt16(truncatingIfNeeded: method))
            return "\(id) on \(channel)\(detail)"
        }
    }
}
