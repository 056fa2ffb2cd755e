using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>One restart of the Square attack: propose, evaluate, keep what helps. Samples leave as soon as they are broken.</summary>
internal sealed class SquareEngine : IDisposable
{
    // Giving up compares margins once in every interval, from the second on. The rule was chosen on the margins of every image in twelve
    // attacks on small networks for Fashion-MNIST (Linf, L2 and L1 with several budgets; one with huge logits, one that rounds its input).
    // It loses none of the 48 successes after the 1000th query, and would lose none with a speedup of 1 and a third of the mean progress.
    // The speedup alone would lose two, which a long pause precedes: windows become smaller at times.
    private const int GiveUpInterval = 500;
    private const double MaxSpeedup = 5;

    private readonly SquareOptions _options;
    private readonly bool _marginIsLoss;
    private readonly bool _givesUp;
    private readonly string _purpose;
    private readonly int _unit;
    private readonly SquareMoves _moves;
    private readonly SquareDraws _draws;
    private readonly Tensor _found;    // for all samples of the unit
    private readonly Tensor _broken;
    private AttackRun _run;
    private Tensor _rows;              // for the samples still under attack: their positions among all
    private Tensor _loss;              // and the best loss so far
    private Prospect? _prospect;
    private bool _done;

    private SquareEngine(AttackRun run, SquareOptions options, bool marginIsLoss, string purpose, int unit)
    {
        (_run, _options, _marginIsLoss, _purpose, _unit) = (run, options, marginIsLoss, purpose, unit);
        _givesUp = options.GiveUp && marginIsLoss && run.Targets is null && run.EotSamples == 1;
        var shape = run.Images.shape;
        _found = run.Images.clone();
        _broken = zeros([run.Count], ScalarType.Bool, run.Images.device);
        _moves = SquareMoves.Create(run);
        _draws = new SquareDraws(options, _moves.Odd, (int)shape[1], (int)shape[2], (int)shape[3]);
        _rows = arange(run.Count, device: run.Images.device).DetachFromDisposeScope();
        _loss = full([run.Count], double.NegativeInfinity, run.Images.dtype, run.Images.device).DetachFromDisposeScope();
    }

    /// <summary>Runs a restart.</summary>
    /// <param name="run">The samples, with the loss to maximise.</param>
    /// <param name="options">Parameters of the method.</param>
    /// <param name="marginIsLoss">Whether the loss is the margin, which then need not be computed a second time.</param>
    /// <param name="purpose">Names the random stream.</param>
    /// <param name="unit">The unit, from 0.</param>
    public static UnitOutcome Search(AttackRun run, SquareOptions options, bool marginIsLoss, string purpose, int unit)
    {
        using var scope = NewDisposeScope();
        using var engine = new SquareEngine(run, options, marginIsLoss, purpose, unit);
        engine._moves.Start(run.Images, engine.Streams());
        for (var query = 0; query < options.Queries && !engine._done; query++) engine.Query(query);
        return new UnitOutcome(engine._found.MoveToOuterDisposeScope(), engine._broken.MoveToOuterDisposeScope());
    }

    public void Dispose()
    {
        _moves.Dispose();
        _draws.Dispose();
        _rows.Dispose();
        _loss.Dispose();
        _prospect?.Dispose();
    }

    private void Query(int query)
    {
        using var scope = NewDisposeScope();
        if (query == 0) Judge(query, new SquareProposal(_moves.Best));
        else
        {
            var window = _draws.Next(query, Streams, _moves.Best.device);
            Judge(query, _moves.Propose(_run.Images, window, _draws.Side(query)));
        }
        _run.Report(query + 1, _options.Queries, _unit);
        if (_givesUp && !_done) GiveUp(query + 1);
    }

    private void Judge(int query, SquareProposal proposal)
    {
        var moved = proposal.Moved is { } rows && rows.numel() < _run.Count ? rows : null;
        if (moved?.numel() == 0) return;
        var part = moved is null ? _run : _run.ForLogits(moved);
        var (logits, loss) = Evaluate(part, moved is null ? proposal.Points : proposal.Points.index_select(0, moved));
        var reached = (_marginIsLoss && _run.EotSamples == 1 ? loss : part.Advantage(logits)) >= 0;
        var anyReached = HostRead.Bool(reached.any());
        var adversarial = anyReached ? Everyone(part.IsAdversarial(logits).logical_and_(reached), moved, 0) : null;
        loss = Everyone(loss, moved, double.NegativeInfinity);
        if (query > 0) _moves.Settle(anyReached ? (loss > _loss).logical_or_(Everyone(reached, moved, 0)) : loss > _loss);
        Owned.Renew(ref _loss, maximum(_loss, loss));
        if (adversarial is not null) Leave(adversarial);
    }

    // Expands the values of some samples to all, [n], with a default for the others.
    private Tensor Everyone(Tensor values, Tensor? rows, double otherwise) => rows is null
        ? values
        : full([_run.Count], otherwise, values.dtype, values.device).index_copy_(0, rows, values);

    private SampleStreams Streams() => _run.Streams(_purpose, _unit);

    private (Tensor Logits, Tensor Loss) Evaluate(AttackRun run, Tensor points)
    {
        var (logits, loss) = run.Evaluate(points);
        if (_run.EotSamples == 1) return (logits, loss);
        for (var sample = 1; sample < _run.EotSamples; sample++)
        {
            using var each = NewDisposeScope();
            var other = run.Evaluate(points);
            logits.add_(other.Logits);
            loss.add_(other.Loss);
        }
        return (logits.div_(_run.EotSamples), loss.div_(_run.EotSamples));
    }

    private void Leave(Tensor adversarial)
    {
        var hits = HostRead.Rows(adversarial);
        if (hits.numel() == 0) return;
        var rows = _rows[hits];
        _found.index_copy_(0, rows, _moves.Best.index_select(0, hits));
        _broken.index_fill_(0, rows, true);
        Keep(HostRead.Rows(adversarial.logical_not()));
    }

    private void GiveUp(int done)
    {
        _prospect ??= new Prospect(_loss, MaxSpeedup);
        if (done % GiveUpInterval != 0) return;
        _prospect.Learn(_loss);
        var outOfReach = _prospect.Look(done, _options.Queries);
        if (done == GiveUpInterval || !HostRead.Bool(outOfReach.any())) return;
        Keep(HostRead.Rows(outOfReach.logical_not_()));
    }

    private void Keep(Tensor stay)
    {
        _done = stay.numel() == 0;
        if (_done) return;
        _run = _run.Narrow(stay);
        _moves.Narrow(stay);
        _draws.Narrow(stay);
        Owned.Narrow(ref _rows, stay);
        Owned.Narrow(ref _loss, stay);
        _prospect?.Narrow(stay);
    }
}
