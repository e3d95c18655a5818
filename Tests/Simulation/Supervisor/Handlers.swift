#if DEBUG
    import AMQPCore
    import MillraceHandler
    import SimulatedThreads
    import SimulatedWorld

    /// Where the handlers of the calling thread are.
    private func here() -> (conductor: Conductor, place: Place)? {
        guard let conductor = CurrentWorld.world as? Conductor, let place = conductor.network as? Place else {
            return nil
        }
        return (conductor, place)
    }

    /// Does with a message what the seed says, and tells the oracle.
    struct SimulatedWork: SyncJobHandler {
        init(_ options: HandlerOptions) {}

        func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
            guard let (conductor, place) = here() else { return .stop("no simulation") }
            let id = message.bodyText ?? ""
            let before = place.oracle.begins(id)
            let draw = Chance.of(UInt64(id.dropFirst(2)) ?? 0, UInt64(before) + place.seed)
            if draw % 3 == 0 { Self.wait(conductor, milliseconds: draw / 16 % 900) }
            switch before > 5 ? 0 : draw >> 32 % 11 {
            case 0...4:
                try context.publish(Array("did \(id)".utf8), routingKey: "out")
                place.oracle.ends(id, comesAgain: false)
                return .ack
            case 5...6:
                place.oracle.ends(id, comesAgain: true)
                return .retry("as the seed says")
            case 7:
                place.oracle.ends(id, comesAgain: true)
                return .requeue
            case 10:
                place.oracle.ends(id, comesAgain: true)
                throw SimulatedFailure()
            case 8:
                place.oracle.ends(id, comesAgain: true)
                return .snooze(.milliseconds(Int64(50 + draw % 1500)))
            default:
                place.oracle.ends(id, comesAgain: false, isRejected: true)
                return .reject("as the seed says")
            }
        }

        /// A handler that takes its time.
        private static func wait(_ conductor: Conductor, milliseconds: UInt64) {
            let bell = Place.makeBell()
            conductor.rest(bell, until: conductor.now() + milliseconds * 1_000_000)
            bell.deallocate()
        }
    }

    /// What a handler throws.
    struct SimulatedFailure: Error {}

    /// Notes the ticks of a schedule.
    struct SimulatedTick: SyncJobHandler {
        init(_ options: HandlerOptions) {}

        func handle(_ message: borrowing Message, _ context: JobContext) throws -> Outcome {
            here()?.place.oracle.ticked(message.messageID ?? "")
            return .ack
        }
    }
#endif
