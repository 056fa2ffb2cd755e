using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// L2 and L1: a window receives a bump on top of its perturbation, and the budget of a second window, whose perturbation is removed.
/// </summary>
internal abstract class BumpSquareMoves : SquareMoves
{
    private const double Tiny = 1e-12;
    private const int TilesPerSide = 5;

    private readonly ScalarType _precision;
    private Tensor? _bumps;   // the bump of the current side and its transpose, [2, s*s]
    private int _side;
    private Tensor? _candidates;

    protected BumpSquareMoves(AttackRun run, int power, Func<double[], double> length) : base(run)
    {
        (Power, ArrayLength) = (power, length);
        _precision = run.Images.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
    }

    public override bool Odd => true;

    private int Power { get; }

    private Func<double[], double> ArrayLength { get; }

    public override void Start(Tensor images, SampleStreams streams) => Best.copy_(Candidate(images, Tiles(images, streams)));

    public override SquareProposal Propose(Tensor images, SquareWindow window, int side)
    {
        var delta = (Best.to(_precision) - images.to(_precision)).flatten(1);
        var used = Length(delta).unsqueeze(2);
        var (first, firstLength) = Cut(delta, window.First, side);
        var (_, secondLength) = Cut(delta, window.Second, side);
        var bump = Bumps(side, images.device).index_select(0, window.Transposed).unsqueeze(1) * (window.Up * 2 - 1).to(_precision);
        var next = bump.add_(first.div_(firstLength + Tiny));
        next.mul_(Budget(used, firstLength, secondLength).div_(Length(next) + Tiny));
        delta.scatter_(1, window.First, next.view(window.First.shape));
        _candidates = Candidate(images, delta);
        return new SquareProposal(_candidates);
    }

    public override void Settle(Tensor accepted)
    {
        var rows = HostRead.Rows(accepted);
        if (rows.numel() > 0) Best.index_copy_(0, rows, _candidates!.index_select(0, rows));
        _candidates = null;
    }

    public override void Dispose()
    {
        base.Dispose();
        _bumps?.Dispose();
    }

    /// <summary>The norm that perturbations are scaled to.</summary>
    protected virtual double Radius => Threat.Epsilon;

    /// <summary>The norm over the last dimension, which is kept.</summary>
    protected abstract Tensor Length(Tensor values);

    /// <summary>The norm that a window may have in each channel, [n,C,1].</summary>
    /// <param name="used">Norm of the whole perturbation, [n,1,1].</param>
    /// <param name="first">Norm of the previous values in the window, [n,C,1].</param>
    /// <param name="second">Norm of the previous values in the second window, [n,C,1].</param>
    protected abstract Tensor Budget(Tensor used, Tensor first, Tensor second);

    /// <summary>Images, [n,C,H,W], plus a perturbation, [n,d], projected onto the threat set.</summary>
    protected abstract Tensor Candidate(Tensor images, Tensor delta);

    // The values in a window, [n,C,s*s], and their norm in each channel. Sets them to zero, so that the overlap of both windows counts
    // once.
    private (Tensor Values, Tensor Length) Cut(Tensor delta, Tensor at, int side)
    {
        var values = delta.gather(1, at);
        delta.scatter_(1, at, zeros_like(values));
        values = values.view(-1, Channels, side * side);
        return (values, Length(values));
    }

    private Tensor Bumps(int side, Device device)
    {
        if (_bumps is not null && side == _side) return _bumps;
        _bumps?.Dispose();
        var values = SquareBump.Create(side, Power, ArrayLength);
        (_side, _bumps) = (side, tensor(values, [2, side * side], _precision, device).DetachFromDisposeScope());
        return _bumps;
    }

    /// <summary>A bump in each tile of a grid in the middle of the image, five by five if the image is square; the direction of each is
    /// random.</summary>
    private Tensor Tiles(Tensor images, SampleStreams streams)
    {
        var smaller = Math.Min(Height, Width);
        var side = Math.Max(smaller / TilesPerSide, 1);
        var rows = Math.Min(Height / side, TilesPerSide * Height / smaller);
        var columns = Math.Min(Width / side, TilesPerSide * Width / smaller);
        var (top, left) = ((Height - rows * side) / 2, (Width - columns * side) / 2);
        var bump = SquareBump.Create(side, Power, ArrayLength);
        var keys = streams.Derive(0).Keys;
        var values = new double[keys.Length * Channels * Height * Width];
        for (var i = 0; i < keys.Length; i++)
        {
            var state = keys[i];
            for (var tile = 0; tile < rows * columns; tile++)
            {
                var transposed = (int)(SeedMixer.Next(ref state) >> 63);
                var corner = (top + tile / columns * side) * Width + left + tile % columns * side;
                for (var c = 0; c < Channels; c++)
                {
                    var sign = (SeedMixer.Next(ref state) >> 63) == 0 ? -1 : 1;
                    var channel = values.AsSpan((i * Channels + c) * Height * Width);
                    for (var at = 0; at < side * side; at++)
                        channel[corner + at / side * Width + at % side] = sign * bump[transposed * side * side + at];
                }
            }
        }
        var delta = tensor(values, [keys.Length, Channels * Height * Width], _precision, images.device);
        return delta.mul_(Radius / Length(delta).add_(Tiny));
    }
}
