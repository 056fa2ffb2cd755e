using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>All that decides how a run goes on, as named texts that can be compared.</summary>
internal static class RunIdentity
{
    public static Dictionary<string, string> Of(
        TrainerOptions options, IDistillationLoss loss, nn.Module<Tensor, Tensor> student, IModule? teacher, ImageDataset train, ImageDataset? validation)
    {
        // Options print their numbers in the current culture; the same run must read the same everywhere.
        var culture = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        try
        {
            return Describe(options, loss, student, teacher, train, validation);
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    private static Dictionary<string, string> Describe(
        TrainerOptions options, IDistillationLoss loss, nn.Module<Tensor, Tensor> student, IModule? teacher, ImageDataset train, ImageDataset? validation) => new(StringComparer.Ordinal)
    {
        ["loss"] = loss.ToString() ?? loss.Name,
        ["batch size"] = $"{options.BatchSize}",
        ["learning rate"] = TrainingCheckpoint.Number(options.LearningRate),
        ["milestones"] = string.Join(",", options.Milestones),
        ["learning rate decay"] = TrainingCheckpoint.Number(options.LearningRateDecay),
        ["warm-up epochs"] = $"{options.WarmupEpochs}",
        ["momentum"] = TrainingCheckpoint.Number(options.Momentum),
        ["weight decay"] = TrainingCheckpoint.Number(options.WeightDecay),
        ["augmentation"] = options.Augmentation?.ToString() ?? "none",
        ["train attack"] = options.TrainAttack?.ToString() ?? "none",
        ["teacher attack"] = (options.TeacherAttack ?? options.TrainAttack)?.ToString() ?? "none",
        ["attack in train mode"] = $"{options.AttackInTrainMode}",
        ["selection attack"] = options.SelectionAttack?.ToString() ?? "none",
        ["seed"] = $"{options.Seed}",
        ["student"] = Hash(student.state_dict().OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key} {pair.Value.dtype} {TensorGuard.Shape(pair.Value)}")),
        ["teacher"] = teacher is nn.Module module ? Hash(module.state_dict()) : teacher is null ? "none" : teacher.GetType().Name,
        ["training set"] = Hash(train),
        ["validation set"] = validation is null ? "none" : Hash(validation),
    };

    private static string Hash(ImageDataset data) => $"{data.Count} images, {Hash(new Dictionary<string, Tensor> { ["images"] = data.Images, ["labels"] = data.Labels })}";

    private static string Hash(Dictionary<string, Tensor> tensors)
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, value) in tensors.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {value.dtype} {TensorGuard.Shape(value)}"));
            if (value.numel() > 0) hash.AppendData(value.detach().cpu().contiguous().bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
    }

    private static string Hash(IEnumerable<string> lines) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', lines))).AsSpan(0, 8));
}
