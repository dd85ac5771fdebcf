-- AlterTable
ALTER TABLE "user_role" ADD COLUMN     "provider" TEXT;
