using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// One unit of FAB. Each iteration steps onto the linearised boundary and evaluates the new point once, which shows whether it is
/// adversarial and gives the next linearisation. After a success the search continues from a point nearer to the image, which needs an
/// evaluation of its own. Since one success is often followed by another, samples with a recent one are first evaluated without gradient.
/// </summary>
internal sealed class FabEngine : IDisposable
{
    private const double ShortestMove = 1e-8;

    // Giving up compares distances once in every interval. It assumes that each further interval reduces the distance by up to
    // MaxSpeedup times the last reduction, and by at least LeastReduction of the distance.
    private const int GiveUpInterval = 20;
    private const double MaxSpeedup = 3;
    private const double LeastReduction = 0.08;

    // For how many iterations after a success the next one is expected.
    private const int ExpectedAfterSuccess = 2;

    private readonly FabOptions _options;
    private readonly Func<AttackRun, Tensor, FabPlane> _linearise;
    private readonly ScalarType _precision;
    private readonly Tensor _found;      // for all samples of the unit: the nearest adversarial point,
    private readonly Tensor _distance;   // its distance from the image, in float64,
    private readonly Tensor _before;     // and that distance when giving up was last considered
    private AttackRun _run;
    private Tensor _rows;        // for the samples still under attack: their positions among all,
    private Tensor _points;      // their current points, in at least float32,
    private Tensor _value;       // the boundary linearised there,
    private Tensor _normal;
    private Tensor _expected;    // and for how many iterations more they are expected to succeed
    private bool _mayLeave;
    private bool _done;

    private NormThreatModel Threat => (NormThreatModel)_run.Threat;

    private FabEngine(AttackRun run, FabOptions options, Func<AttackRun, Tensor, FabPlane> linearise, Tensor start)
    {
        (_run, _options, _linearise) = (run, options, linearise);
        var images = run.Images;
        _precision = images.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        _found = images.clone();
        _distance = full([run.Count], double.PositiveInfinity, ScalarType.Float64, images.device);
        _before = _distance.clone();
        _rows = arange(run.Count, device: images.device).DetachFromDisposeScope();
        _points = start.to(_precision).clone().DetachFromDisposeScope();
        _value = empty(0, device: images.device).DetachFromDisposeScope();
        _normal = empty(0, device: images.device).DetachFromDisposeScope();
        _expected = zeros([run.Count], ScalarType.Int8, images.device).DetachFromDisposeScope();
    }

    /// <summary>Runs a unit.</summary>
    /// <param name="run">The samples, with the loss or clean logits that <paramref name="linearise"/> needs.</param>
    /// <param name="options">Parameters of the method.</param>
    /// <param name="linearise">Linearises the boundary at some points.</param>
    /// <param name="unit">Which unit.</param>
    public static UnitOutcome Search(AttackRun run, FabOptions options, Func<AttackRun, Tensor, FabPlane> linearise, FabUnit unit)
    {
        using var scope = NewDisposeScope();
        var start = unit.Restart == 0 ? run.Images : RandomStart(run, run.Streams(unit.Purpose, unit.Number));
        using var engine = new FabEngine(run, options, linearise, start);
        engine.Begin();
        for (var iteration = 1; iteration <= options.Iterations && !engine._done; iteration++)
            engine.Iterate(iteration, unit.Number);
        if (options.FinalSearch) FabFinalSearch.Improve(run, engine._found, engine._distance);
        var broken = engine._distance <= engine.Threat.ToleratedEpsilon;
        return new UnitOutcome(engine._found.MoveToOuterDisposeScope(), broken.MoveToOuterDisposeScope());
    }

    public void Dispose()
    {
        foreach (var tensor in new[] { _rows, _points, _value, _normal, _expected }) tensor.Dispose();
    }

    /// <summary>The norm of each perturbation, in float64, because half precision could round a point into the ball.</summary>
    public static Tensor Length(ThreatModel threat, Tensor images, Tensor points) =>
        ((NormThreatModel)threat).Measure(points.to(ScalarType.Float64) - images.to(ScalarType.Float64));

    private static Tensor RandomStart(AttackRun run, SampleStreams streams) =>
        run.Images.add(((NormThreatModel)run.Threat).RandomDirection(run.Images, streams), alpha: run.Threat.Epsilon / 2).clamp_(0, 1);

    private void Begin()
    {
        using var scope = NewDisposeScope();
        Linearise(_expected == 0);
        Leave(iteration: 0);
    }

    private void Iterate(int iteration, int unit)
    {
        using var scope = NewDisposeScope();
        Owned.Renew(ref _points, Step());
        if (iteration == _options.Iterations)
        {
            // No step follows the last point, so it needs no gradient.
            Take(HostRead.Rows(_run.IsAdversarial(_run.Logits(Shown(_points)))));
            _run.Report(iteration, _options.Iterations, unit);
            return;
        }
        var untried = _expected == 0;
        var likely = HostRead.Rows(_expected);
        _expected.sub_(1).clamp_min_(0);
        if (likely.numel() > 0)
        {
            var part = _run.Select(likely);
            var hits = likely[part.IsAdversarial(part.Logits(Shown(_points.index_select(0, likely))))];
            Take(hits);
        }
        Linearise(untried);
        _run.Report(iteration, _options.Iterations, unit);
        Leave(iteration);
    }

    /// <summary>Steps 2 to 4 of the method: both moves onto the hyperplane, from the point and from the image, and their weighted
    /// mean.</summary>
    private Tensor Step()
    {
        using var scope = NewDisposeScope();
        var (point, image, normal) = (_points.flatten(1), _run.Images.to(_precision).flatten(1), _normal.flatten(1));
        var value = _value.unsqueeze(1);
        var atImage = ((image - point).mul_(normal)).sum(1, keepdim: true).add_(value);
        var ends = stack(new[] { point, image });
        var moves = Hyperplane.Move(Threat.Norm, ends, normal, stack(new[] { value, atImage }));
        var lengths = Threat.Measure(moves.flatten(0, 1)).clamp_min_(ShortestMove).reshape(2, -1, 1);
        var weight = (lengths[0] / (lengths[0] + lengths[1])).clamp_(0, _options.AlphaMax);
        ends.add_(moves, alpha: _options.Eta);
        return ends[0].lerp(ends[1], weight).clamp_(0, 1).reshape(_points.shape).MoveToOuterDisposeScope();
    }

    /// <summary>Evaluates and linearises at all points. Those in the mask have not been checked for success yet: a success is recorded, and
    /// the next step starts nearer to the image.</summary>
    private void Linearise(Tensor untried)
    {
        var plane = _linearise(_run, Shown(_points));
        var (value, normal) = (plane.Value.to(_precision), plane.Normal.to(_precision));
        var hits = HostRead.Rows(_run.IsAdversarial(plane.Logits).logical_and_(untried));
        Take(hits);
        var again = hits.numel() == 0 || _options.MinimiseNorm ? hits : hits[Open()[hits]];
        if (again.numel() > 0)
        {
            var nearer = _linearise(_run.Select(again), Shown(_points.index_select(0, again)));
            value.index_copy_(0, again, nearer.Value.to(_precision));
            normal.index_copy_(0, again, nearer.Normal.to(_precision));
        }
        Owned.Renew(ref _value, value);
        Owned.Renew(ref _normal, normal);
    }

    /// <summary>Step 5 of the method: keeps these adversarial points if they are nearer than those found before, and moves back towards the
    /// images.</summary>
    private void Take(Tensor hits)
    {
        if (hits.numel() == 0) return;
        _mayLeave = true;
        _expected.index_fill_(0, hits, ExpectedAfterSuccess);
        var (rows, points, images) = (_rows[hits], _points.index_select(0, hits), _run.Images.index_select(0, hits));
        var shown = Shown(points);
        var length = Length(_run.Threat, images, shown);
        var nearer = HostRead.Rows(length < _distance[rows]);
        if (nearer.numel() > 0)
        {
            _found.index_copy_(0, rows[nearer], shown[nearer]);
            _distance.index_copy_(0, rows[nearer], length[nearer]);
        }
        _points.index_copy_(0, hits, images.to(_precision).lerp(points, _options.Beta));
    }

    /// <summary>Removes samples that are broken, and once in every interval those that are given up.</summary>
    private void Leave(int iteration)
    {
        var checks = _options.GiveUp && iteration > 0 && iteration % GiveUpInterval == 0;
        if (_options.MinimiseNorm || !(_mayLeave || checks)) return;
        _mayLeave = false;
        var open = Open();
        if (checks) open.logical_and_(OutOfReach(iteration).logical_not_());
        var stay = HostRead.Rows(open);
        _done = stay.numel() == 0;
        if (_done || stay.numel() == _run.Count) return;
        _run = _run.Narrow(stay);
        Owned.Narrow(ref _rows, stay);
        Owned.Narrow(ref _points, stay);
        Owned.Narrow(ref _value, stay);
        Owned.Narrow(ref _normal, stay);
        Owned.Narrow(ref _expected, stay);
    }

    // Samples that would end outside the ball even if the remaining iterations reduced their distance MaxSpeedup times as fast as the last
    // ones did. Without any success the distance is infinite, the comparison is false, and the sample continues.
    private Tensor OutOfReach(int iteration)
    {
        var intervals = (_options.Iterations - iteration) / (double)GiveUpInterval;
        var gain = maximum((_before - _distance).mul_(MaxSpeedup), _distance * LeastReduction);
        var outOfReach = (_distance - gain.mul_(intervals) > Threat.ToleratedEpsilon)[_rows];
        _before.copy_(_distance);
        return outOfReach;
    }

    private Tensor Open() => _distance[_rows] > Threat.ToleratedEpsilon;

    // Points in the dtype of the images, in which the model evaluates them and the result contains them.
    private Tensor Shown(Tensor points) => points.to(_run.Images.dtype);
}
