using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Ardir.Core;

/// <summary>
/// <see cref="L1Projection"/> for float32 tensors on the CPU, row by row. It solves for lambda by Newton steps instead of a sort,
/// because in an attack on a small network the sort alone would take longer than the network.
/// </summary>
internal static class L1RowProjection
{
    // Relative to the radius, and smaller than the excess that NormBall.IsBeyond accepts.
    private const double Precision = 1e-13;

    private const int FreeSteps = 20;
    private const int MostSteps = 400;

    // A block is the number of floats in one vector; in float64 it takes two vectors. Rows are padded with zeros, which the projection
    // leaves at zero.
    private static readonly int _block = Vector<float>.Count;

    /// <summary>Both tensors [n,d], float32 on the CPU.</summary>
    public static Tensor Project(Tensor reference, Tensor candidate, double epsilon)
    {
        var (x, y) = (reference.contiguous(), candidate.contiguous());
        var result = empty_like(y);
        var width = (int)x.shape[1];
        var blocks = (width + _block - 1) / _block;
        var floats = ArrayPool<float>.Shared.Rent(3 * blocks * _block);
        var doubles = ArrayPool<double>.Shared.Rent(2 * blocks * _block);
        var row = new Row(floats, doubles, blocks);
        var from = Values(x);
        var to = Values(y);
        var into = Values(result);
        for (var at = 0; at < from.Length; at += width)
            row.Project(from.Slice(at, width), to.Slice(at, width), into.Slice(at, width), epsilon);
        ArrayPool<float>.Shared.Return(floats);
        ArrayPool<double>.Shared.Return(doubles);
        return result;
    }

    private static Span<float> Values(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);

    /// <summary>Buffers for one row: the reference, the candidate, the result, the size of each value's move and that size clipped to the
    /// box.</summary>
    private readonly ref struct Row
    {
        private readonly Span<Vector<float>> _reference;
        private readonly Span<Vector<float>> _candidate;
        private readonly Span<Vector<float>> _moved;
        private readonly Span<Vector<double>> _size;
        private readonly Span<Vector<double>> _cap;

        public Row(float[] floats, double[] doubles, int blocks)
        {
            Span<Vector<float>> Third(int i) =>
                MemoryMarshal.Cast<float, Vector<float>>(floats.AsSpan(i * blocks * _block, blocks * _block));
            Span<Vector<double>> Half(int i) =>
                MemoryMarshal.Cast<double, Vector<double>>(doubles.AsSpan(i * blocks * _block, blocks * _block));
            _reference = Third(0);
            _candidate = Third(1);
            _moved = Third(2);
            _size = Half(0);
            _cap = Half(1);
        }

        public void Project(ReadOnlySpan<float> reference, ReadOnlySpan<float> candidate, Span<float> into, double epsilon)
        {
            Fill(_reference, reference);
            Fill(_candidate, candidate);
            var (length, most, clipped) = Measure();
            var outside = length > NormBall.Reach(epsilon);
            if (!outside && !clipped)
            {
                candidate.CopyTo(into);
                return;
            }
            Move(outside ? Threshold(most, epsilon) : 0);
            MemoryMarshal.Cast<Vector<float>, float>(_moved)[..into.Length].CopyTo(into);
        }

        private static void Fill(Span<Vector<float>> vectors, ReadOnlySpan<float> values)
        {
            vectors[^1] = Vector<float>.Zero;
            values.CopyTo(MemoryMarshal.Cast<Vector<float>, float>(vectors));
        }

        private (double Length, double Most, bool Clipped) Measure()
        {
            var (length, most, clipped) = (Vector<double>.Zero, Vector<double>.Zero, Vector<long>.Zero);
            for (var i = 0; i < _size.Length; i++)
            {
                var reference = Wide(_reference, i);
                var move = Wide(_candidate, i) - reference;
                var far = Vector.Abs(move);
                var upwards = Vector.GreaterThan(move, Vector<double>.Zero);
                var toEdge = Vector.ConditionalSelect(upwards, Vector<double>.One - reference, reference);
                var room = Vector.Max(toEdge, Vector<double>.Zero);
                (_size[i], _cap[i]) = (far, Vector.Min(far, room));
                clipped |= Vector.GreaterThan(far, room);
                length += _cap[i];
                most = Vector.Max(most, far);
            }
            var largest = 0.0;
            for (var i = 0; i < Vector<double>.Count; i++) largest = Math.Max(largest, most[i]);
            return (Vector.Sum(length), largest, clipped != Vector<long>.Zero);
        }

        /// <summary>The lambda at which the norm equals the radius. The norm is piecewise linear, so a Newton step that stays on the
        /// piece of the solution is exact. A step that leaves the bracket is replaced by a bisection; after <see cref="FreeSteps"/>
        /// steps every second one is, so that the iteration cannot cycle.</summary>
        private double Threshold(double most, double epsilon)
        {
            var (low, high, lambda) = (0.0, most, 0.0);
            for (var step = 0; step < MostSteps; step++)
            {
                var (length, falling) = Length(lambda);
                var excess = length - epsilon;
                if (Math.Abs(excess) <= Precision * epsilon) break;
                if (excess > 0) low = lambda;
                else high = lambda;
                var next = lambda + excess / falling;
                if (!(next > low && next < high) || (step > FreeSteps && step % 2 == 0)) next = low + (high - low) / 2;
                if (next == lambda) break;
                lambda = next;
            }
            return lambda;
        }

        /// <summary>The norm at a lambda, and the number of values that shrink as lambda grows, which is minus the slope.</summary>
        private (double Length, double Falling) Length(double lambda)
        {
            var (length, falling, at) = (Vector<double>.Zero, Vector<long>.Zero, new Vector<double>(lambda));
            for (var i = 0; i < _size.Length; i++)
            {
                var (left, cap) = (_size[i] - at, _cap[i]);
                length += Vector.Max(Vector.Min(left, cap), Vector<double>.Zero);
                falling -= Vector.GreaterThan(left, Vector<double>.Zero) & Vector.LessThanOrEqual(left, cap);
            }
            return (Vector.Sum(length), Vector.Sum(falling));
        }

        // The result is rounded towards the reference, as in NormBall.RoundInward.
        private void Move(double lambda)
        {
            for (var i = 0; i < _moved.Length; i++)
            {
                var (firstBy, first) = Moved(2 * i, lambda);
                var (secondBy, second) = Moved(2 * i + 1, lambda);
                var nearest = Vector.Narrow(first, second);
                Vector.Widen(nearest, out var lower, out var upper);
                var outward = Vector.Narrow(Exceeds(lower, 2 * i, firstBy), Exceeds(upper, 2 * i + 1, secondBy))
                    & Vector.GreaterThan(nearest, Vector<float>.Zero);
                var bits = Vector.AsVectorInt32(nearest);
                var isAbove = Vector.GreaterThan(nearest, _reference[i]);
                var inward = Vector.ConditionalSelect(isAbove, bits - Vector<int>.One, bits + Vector<int>.One);
                var rounded = Vector.ConditionalSelect(outward, Vector.AsVectorSingle(inward), nearest);
                _moved[i] = Vector.Min(Vector.Max(rounded, Vector<float>.Zero), Vector<float>.One);
            }
        }

        private (Vector<double> By, Vector<double> To) Moved(int i, double lambda)
        {
            var by = Vector.Max(Vector.Min(_size[i] - new Vector<double>(lambda), _cap[i]), Vector<double>.Zero);
            var reference = Wide(_reference, i);
            var upwards = Vector.GreaterThan(Wide(_candidate, i), reference);
            return (by, Vector.ConditionalSelect(upwards, reference + by, reference - by));
        }

        private Vector<long> Exceeds(Vector<double> moved, int i, Vector<double> by) =>
            Vector.GreaterThan(Vector.Abs(moved - Wide(_reference, i)), by);

        private static Vector<double> Wide(Span<Vector<float>> values, int half) =>
            (half & 1) == 0 ? Vector.WidenLower(values[half / 2]) : Vector.WidenUpper(values[half / 2]);
    }
}
