// Compiled against the packed packages by PackedPackagesTests: linear models for the recipes, whose answers can be computed by hand.
using Ardir.Core;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Module = TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>;

/// <summary>README: every image is broken.</summary>
internal abstract class ForInstall : Surroundings
{
    public override void Check(string output) => Expect(output, "100 % right before the attack, 0 % after it");
}

/// <summary>Scores of 0.1, 0.5, -0.3 and -0.1, whose absolute scaled weights sum to 4: a radius of 0.05 moves them by up to 0.2.</summary>
internal abstract class ForTabulardata : Surroundings
{
    private static readonly double[] _low = [18, 0, 0], _range = [80, 200_000, 40], _weights = [2, -1, 1];

    protected readonly Module network =
        Scorer([.. _weights.Zip(_range, (w, r) => w / r)], -0.9 - _weights.Select((w, i) => w * _low[i] / _range[i]).Sum());
    protected readonly Tensor rows = tensor((float[])[58, 100_000, 20, 74, 100_000, 20, 42, 100_000, 20, 50, 100_000, 20], [4, 3]);
    protected new readonly Tensor labels = tensor([1L, 1, 0, 0]);

    public override void Check(string output) => Expect(output, "50 % of the rows resist");
}

/// <summary>
/// The side input is the score, 1, -1, 0.2 and -0.2; twelve pixels of weight 1 or -1 move it by 8/255 each, 0.38 in all. Mixed up rows
/// would be wrong.
/// </summary>
internal abstract class ForTwoinputs : Surroundings
{
    protected readonly nn.Module<Tensor, Tensor, Tensor> network = new TwoInputs();
    protected new readonly Tensor images = full([4, 3, 2, 2], 0.5f), labels = tensor([1L, 0, 1, 0]);
    protected readonly Tensor side = tensor([1f, -1, 0.2f, -0.2f], [4, 1]);

    public override void Check(string output) => Expect(output, "50 % robust");

    private sealed class TwoInputs() : nn.Module<Tensor, Tensor, Tensor>("two")
    {
        public override Tensor forward(Tensor input, Tensor side)
        {
            using var scope = NewDisposeScope();
            var weights = tensor((float[])[1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1]);
            var score = (input.flatten(1) * weights).sum(dim: 1, keepdim: true) + side;
            return cat([zeros_like(score), score], 1).MoveToOuterDisposeScope();
        }
    }
}

/// <summary>
/// Twelve pixels of weight 0.5 make the scores 1, -1, 0.3 and -0.3; a radius of 0.1 moves them by up to 0.6. The last image is not of the
/// class that its score says.
/// </summary>
internal abstract class ForOnelogit : Surroundings
{
    protected readonly Module network = nn.Sequential(nn.Flatten(), Linear([Weights(i => 0.5f)], [-3]));
    protected new readonly Tensor images = Scored(), labels = tensor([1L, 0, 1, 1]);

    public static float[] Weights(Func<int, float> weight) => [.. Enumerable.Range(0, 12).Select(weight)];

    public static Tensor Scored() => ones(4, 3, 2, 2) * (tensor([1f, -1, 0.3f, -0.3f]) / 6 + 0.5).reshape(4, 1, 1, 1);

    public override void Check(string output) => Expect(output, "75 % right, 50 % robust", "FewClasses");
}

/// <summary>
/// The first label as for one logit. The second has the score 1, whatever the level of grey, and a radius of 0.1 moves it by up to 0.6.
/// </summary>
internal abstract class ForMultilabel : Surroundings
{
    protected readonly Module network = nn.Sequential(
        nn.Flatten(), Linear([ForOnelogit.Weights(i => 0.5f), ForOnelogit.Weights(i => i % 2 == 0 ? 0.5f : -0.5f)], [-3, 1]));
    protected new readonly Tensor images = ForOnelogit.Scored();
    protected readonly Tensor truth = tensor([1L, 1, 0, 1, 1, 1, 0, 0], [4, 2]);

    public override void Check(string output) =>
        Expect(output, "label 0: 100 % right, 50 % robust", "label 1: 75 % right, 75 % robust", "2 of 4 images");
}

/// <summary>
/// Token k is four times 0.15 (k - 4) and a sequence scores the sum of its 20 values: 6, -6, 3, -3. A radius of 0.5 in a table of range 2
/// moves that by up to sqrt(20), which is 4.47.
/// </summary>
internal abstract class ForSequences : Surroundings
{
    protected readonly Embedding embedding = nn.Embedding(7, 4);
    protected readonly Module encoder = nn.Sequential(nn.Flatten(), Scorer([.. Enumerable.Repeat(1.0, 20)], 0));
    protected readonly Tensor tokens = tensor([6L, 2, 5, 3]).unsqueeze(1).repeat(1, 5);
    protected new readonly Tensor labels = tensor([1L, 0, 1, 0]);

    protected ForSequences()
    {
        using var noGrad = no_grad();
        embedding.weight!.copy_(tensor([-1f, 1, -0.3f, -0.15f, 0, 0.15f, 0.3f]).unsqueeze(1).expand(7, 4));
    }

    public override void Check(string output) => Expect(output, "100 % right, 50 % after the attack");
}

internal abstract class ForAbackgroundthread : Surroundings
{
    public override void Check(string output) => Expect(output, "% right", "% robust");
}

/// <summary>A random batch that is normalised already.</summary>
internal abstract class ForNormalisation : Surroundings
{
    protected readonly Module network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10));
    protected readonly Tensor normalised = (rand(4, 3, 32, 32) - Channels(0.4914f, 0.4822f, 0.4465f)) / Channels(0.2471f, 0.2435f, 0.2616f);

    private static Tensor Channels(params float[] values) => tensor(values, [1, 3, 1, 1]);

    public override void Check(string output) => Expect(output, "moved by 8.0 of 255 steps");
}

/// <summary>A linear model of 16 pixels and four classes, written by the test.</summary>
internal abstract class ForTorchScript : Surroundings
{
    protected new readonly Tensor images = rand(4, 1, 4, 4), labels = zeros(4, ScalarType.Int64);

    protected ForTorchScript() => File.Copy(Path.Combine("..", "model.pt"), "model.pt");

    public override void Check(string output)
    {
        Expect(output, "% right", "% robust");
        Expect(File.ReadAllText("report.json"), "\"norm\": \"L2\"");
    }
}

/// <summary>Ten images in each of the five files of CIFAR-10.</summary>
internal abstract class ForArdirCore : Surroundings
{
    private static IEnumerable<byte> Record(int label) => Enumerable.Repeat((byte)label, 1 + 3072);

    protected ForArdirCore()
    {
        var folder = Directory.CreateDirectory(Path.Combine("data", "cifar-10-batches-bin")).FullName;
        foreach (var file in Enumerable.Range(1, 5))
            File.WriteAllBytes(Path.Combine(folder, $"data_batch_{file}.bin"), Enumerable.Range(0, 10).SelectMany(Record).ToArray());
    }
}
