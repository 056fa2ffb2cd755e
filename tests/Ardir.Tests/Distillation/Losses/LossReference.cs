using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>The losses again, from the formulas, in plain loops over doubles.</summary>
internal static class LossReference
{
    public static double[][] Rows(Tensor matrix)
    {
        var (values, columns) = (TensorAssert.Values(matrix), (int)matrix.shape[1]);
        return [.. values.Chunk(columns)];
    }

    public static double[] Softmax(double[] logits, double temperature = 1)
    {
        var top = logits.Max();
        var powers = logits.Select(z => Math.Exp((z - top) / temperature)).ToArray();
        return [.. powers.Select(power => power / powers.Sum())];
    }

    public static double[] OneHot(long label, int classes) => [.. Enumerable.Range(0, classes).Select(k => k == label ? 1.0 : 0.0)];

    public static int TopClass(double[] logits) => Array.IndexOf(logits, logits.Max());

    /// <summary>KL(a || b), with 0 log 0 = 0.</summary>
    public static double Kl(double[] a, double[] b) => a.Select((p, k) => p == 0 ? 0 : p * (Math.Log(p) - Math.Log(b[k]))).Sum();

    public static double CrossEntropy(double[] logits, long label, double temperature = 1) => -Math.Log(Softmax(logits, temperature)[label]);

    public static double CrossEntropy(Tensor logits, Tensor labels)
    {
        var truth = TensorAssert.Longs(labels);
        return Rows(logits).Select((row, i) => CrossEntropy(row, truth[i])).Average();
    }

    /// <summary>KL(teacher || student) of each sample, without the temperature squared.</summary>
    public static double[] KlPerSample(Tensor student, Tensor teacher, double temperature) =>
        [.. Rows(student).Zip(Rows(teacher), (s, t) => Kl(Softmax(t, temperature), Softmax(s, temperature)))];

    /// <summary>One sample's map as [channel][position].</summary>
    public static double[][] Sample(Tensor map, int sample)
    {
        using var one = map[sample];
        var positions = (int)(one.numel() / one.shape[0]);
        return [.. TensorAssert.Values(one).Chunk(positions)];
    }

    public static double[][] Normalize(double[][] map, FeatureNormalization normalization, bool blockZero = false)
    {
        var (channels, positions) = (map.Length, map[0].Length);
        var result = map.Select(row => row.ToArray()).ToArray();
        for (var c = 0; c < channels; c++)
        {
            for (var p = 0; p < positions; p++)
            {
                var energy = Enumerable.Range(0, channels).Sum(k => map[k][p] * map[k][p]);
                var sum = map[c].Sum();
                var signedFloor = (sum < 0 ? -1 : 1) * Math.Max(Math.Abs(sum), 1e-6 * positions);
                result[c][p] = normalization switch
                {
                    FeatureNormalization.SpatialSum => map[c][p] / signedFloor,
                    FeatureNormalization.SpatialL1 => map[c][p] / Math.Max(map[c].Sum(Math.Abs), 1e-6 * positions),
                    FeatureNormalization.SpatialL2 => map[c][p] / Math.Sqrt(map[c].Sum(v => v * v) + 1e-10),
                    _ => blockZero && energy < 1e-10 ? 0 : map[c][p] / Math.Sqrt(energy + 1e-10),
                };
            }
        }
        return result;
    }

    /// <summary>Mean over positions of the squared distance of the normalised maps.</summary>
    public static double SquaredDistance(double[][] student, double[][] teacher, FeatureNormalization normalization, bool blockZero = false)
    {
        var (s, t) = (Normalize(student, normalization, blockZero), Normalize(teacher, normalization, blockZero));
        var total = 0.0;
        for (var c = 0; c < s.Length; c++)
            for (var p = 0; p < s[c].Length; p++) total += (s[c][p] - t[c][p]) * (s[c][p] - t[c][p]);
        return total / s[0].Length;
    }

    public static double[] Lpips(Tensor[] student, Tensor[] teacher, LpipsInternalLossOptions options)
    {
        var result = new double[student[0].shape[0]];
        for (var i = 0; i < result.Length; i++)
        {
            var squared = student.Select((map, layer) =>
                (options.LayerWeights?[layer] ?? 1) * SquaredDistance(Sample(map, i), Sample(teacher[layer], i), options.Normalization, options.BlockZeroPositions)).ToArray();
            result[i] = options.Form switch
            {
                FeatureDistanceForm.Squared => squared.Sum(),
                FeatureDistanceForm.SumOfLayerNorms => squared.Sum(value => Math.Sqrt(value + 1e-12)),
                _ => Math.Sqrt(squared.Sum() + 1e-12),
            };
        }
        return result;
    }
}
